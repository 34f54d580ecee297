"""Gateway keys: made here, told by their hash.

A key is shown once, when it is made; only its SHA-256 is kept. A key is random enough that its hash
needs no salt and no slow function.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finerouter.errors import ConfigError
from finerouter.gateway.access.caller import Caller
from finerouter.gateway.settings import KeyTable

PREFIX = "fr-"
_RANDOM_BYTES = 30  # 40 characters of base64
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class NewKey:
    """A key that was just made.

    Attributes:
        key: for the client; it cannot be had again.
        sha256: of it.
        toml: the table for gateway.toml.
    """

    key: str
    sha256: str
    toml: str


def new_key(name: str) -> NewKey:
    """Make a key.

    Raises:
        ConfigError: the name could not stand in gateway.toml.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"a key cannot be named {name!r}; take up to 64 letters, digits, dots, dashes and "
            "underscores"
        )
    key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    sha256 = hashed(key)
    return NewKey(key, sha256, f'[[keys]]\nname = "{name}"\nsha256 = "{sha256}"\n')


def hashed(key: str) -> str:
    """SHA-256 of a key in hexadecimal digits, as gateway.toml holds it."""
    return _digest(key).hex()


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The gateway key that a request carries.

    Whatever does not begin like one is none: the clients' libraries insist on sending something.
    """
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip().startswith(PREFIX):
        return bearer.strip()
    key = headers.get("x-api-key", "").strip()
    return key if key.startswith(PREFIX) else None


class KeyRing:
    """The callers by their keys, found in a time that tells nothing of the keys.

    Hashes are looked up under a secret of this process, so that how long it takes has nothing to do
    with how much of a hash is right; what was found is compared in constant time.
    """

    def __init__(self, tables: Iterable[KeyTable]) -> None:
        self._secret = secrets.token_bytes(32)
        self._callers: dict[bytes, tuple[bytes, Caller]] = {}
        for table in tables:
            digest = bytes.fromhex(table.sha256)
            self._callers[self._blinded(digest)] = (digest, _caller(table))

    def caller(self, key: str) -> Caller | None:
        """The caller whose key this is, None for nobody's."""
        digest = _digest(key)
        kept, caller = self._callers.get(self._blinded(digest), (b"", None))
        return caller if hmac.compare_digest(kept, digest) else None

    def __len__(self) -> int:
        return len(self._callers)

    def _blinded(self, digest: bytes) -> bytes:
        return hashlib.blake2b(digest, key=self._secret, digest_size=32).digest()


def _digest(key: str) -> bytes:
    # Headers reach us as Latin-1; a key with foreign characters is nobody's and no crash.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _caller(table: KeyTable) -> Caller:
    return Caller(
        name=table.name,
        scopes=frozenset(table.scopes),
        allow=None if table.allow is None else frozenset(table.allow),
        deny=frozenset(table.deny),
        policy=table.policy,
        budget=table.budget,
    )
