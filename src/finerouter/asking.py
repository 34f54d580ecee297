"""How a model of the pool is asked: at which endpoint, under which name, with which parameters.

Takes tables of a pool file; gives `Endpoint`, `Parameters` and `Asking`. Knows nothing of how
requests are written or sent, and no key: only where a key can be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from finerouter.errors import ConfigError, PoolError

PROMPT = "{prompt}"
APIS = ("chat", "messages", "completions")
# What an endpoint may speak beside its own API; nothing is collected through these.
FURTHER_APIS = ("chat", "messages", "responses")
# Headers that could carry a key: it would then stand in a pool file, and in messages.
_KEY_HEADER = re.compile("key|token|secret|auth|cookie|passw|credential", re.IGNORECASE)
_KEY_VALUE = re.compile(r"\s*(?:bearer|basic)\s", re.IGNORECASE)
# What one part of a path may look like and no key does: short, or without the mix of a random text.
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_LONGEST_PART = 40
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Endpoint:
    """Where models are served, and how much may be asked of it at a time.

    Attributes:
        name: what pool entries call it.
        base_url: such as `https://api.example.com/v1`.
        api: "chat" (OpenAI-compatible), "messages" (Anthropic) or "completions" (plain text to be
            continued, as base models want it).
        key_env: environment variable that holds the key; an unset one sends none, as many local
            servers want it.
        key_file: file that holds the key.
        max_concurrent: calls under way at a time, None for what suits the caller.
        requests_per_minute: calls started in a minute, None for any number.
        timeout_s: seconds until an answer has to begin.
        max_tokens_name: what this endpoint calls the most tokens of an answer.
        headers: sent along with every call.
        also: further APIs it speaks at the same address, such as "responses"; the gateway asks it
            in the client's own API where it can.
        stream_usage: whether a stream may be asked to tell its tokens (`stream_options`).
    """

    name: str
    base_url: str
    api: str = "chat"
    key_env: str | None = None
    key_file: str | None = None
    max_concurrent: int | None = None
    requests_per_minute: float | None = None
    timeout_s: float = 300.0
    max_tokens_name: str = "max_tokens"
    headers: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    stream_usage: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", checked_url(self.base_url))


@dataclass(frozen=True)
class Parameters:
    """One way of asking; what is None is left to the endpoint.

    Attributes:
        temperature, top_p, seed, stop: sampling, as everywhere.
        max_tokens: most tokens of an answer, thoughts included.
        reasoning_effort: such as "low".
        thinking_budget: tokens for thoughts; messages endpoints only.
        system: system prompt.
        examples: (prompt, answer) pairs shown before the prompt.
        template: text with `{prompt}` in it, sent in place of the bare prompt.
        body: further fields of the request, sent as they are.
    """

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    thinking_budget: int | None = None
    system: str | None = None
    examples: tuple[tuple[str, str], ...] = ()
    template: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without what is unset: two ways of asking are the same if equal."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: value for key, value in record.items() if value not in (None, (), {})}

    def filled(self, prompt: str) -> str:
        """The template with the prompt in it."""
        return self.template.replace(PROMPT, prompt) if self.template else prompt


# The same one for all that add nothing, so that they are told to be the same at a glance.
AS_IT_IS = Parameters()


@dataclass(frozen=True)
class Asking:
    """Endpoint, the name it knows the model by, and the way of asking."""

    endpoint: Endpoint
    upstream_model: str
    parameters: Parameters = AS_IT_IS


def checked_url(base_url: str) -> str:
    """The URL without a slash at its end.

    Raises:
        ConfigError: it is not http(s), or carries a key that messages could show.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"base URL {base_url!r} is no http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"the base URL of {parts.hostname} may hold no user, password or query: "
            "name an environment variable or a file that holds the key instead"
        )
    return base_url.rstrip("/")


def looks_like_path(text: str) -> bool:
    """Whether a text may be shown as the name of a file: people paste the key itself there.

    A path has a separator or a suffix, and no part that could be a key: none is very long, or of
    some length with capitals, small letters and digits all mixed.
    """
    parts = re.split(r"[/\\]", text)
    return (len(parts) > 1 or _SUFFIX.search(text) is not None) and not any(map(_may_be_key, parts))


def _may_be_key(part: str) -> bool:
    kinds = (re.search(kind, part) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return len(part) > _LONGEST_PART or (len(part) >= _SHORTEST_KEY and all(kinds))


def read_endpoint(name: str, record: Any, folder: Path, where: str) -> Endpoint:
    """An endpoint from its table; a key file is looked for from `folder`.

    Raises:
        PoolError: a key is unknown, missing or of the wrong kind; starts with `where`.
    """
    found = _checked(record, _ENDPOINT, where)
    if "base_url" not in found:
        raise PoolError(f"{where}: base_url is missing; give the endpoint's address")
    if "key_env" in found and "key_file" in found:
        raise PoolError(f"{where}: give key_env or key_file, not both")
    if "key_file" in found:
        found["key_file"] = _key_file(found["key_file"], folder, where)
    found["also"] = tuple(found.get("also", ()))
    for header, value in found.get("headers", {}).items():
        if _KEY_HEADER.search(header) or _KEY_VALUE.match(value):
            raise PoolError(f"{where}: header {header!r} holds a key; name key_env or key_file")
    try:
        return Endpoint(name, **found)
    except ConfigError as error:
        raise PoolError(f"{where}: {error}") from error


def _key_file(written: str, folder: Path, where: str) -> str:
    # Of `os`, which takes any text: a pasted key may be no possible name of a file.
    path = str(folder / os.path.expanduser(written))  # noqa: PTH111
    if not (looks_like_path(written) or os.path.exists(path)):  # noqa: PTH110
        raise PoolError(
            f"{where}: key_file is no file here, and not shown because it looks like a key; give "
            "the path of a file that holds the key, such as ./NAME"
        )
    return path


def read_parameters(record: Any, api: str, where: str) -> Parameters:
    """A way of asking from its table.

    Raises:
        PoolError: a key is unknown, of the wrong kind, or nothing that this API knows.
    """
    found = _checked(record, _PARAMETERS, where)
    for name in _FOREIGN[api]:
        if name in found:
            raise PoolError(
                f"{where}: {name} is nothing that api = {api!r} knows; if your endpoint does, put "
                "it under `body` as it calls it"
            )
    if PROMPT not in found.get("template", PROMPT):
        raise PoolError(f"{where}: template must hold {PROMPT}")
    if found.get("thinking_budget", 0) >= found.get("max_tokens", 1 << 62):
        raise PoolError(f"{where}: max_tokens must be more than thinking_budget, for the answer")
    for name in ("stop", "examples"):
        if name in found:
            found[name] = tuple(tuple(v) if name == "examples" else v for v in found[name])
    return Parameters(**found) if found else AS_IT_IS


_Check = tuple[Callable[[Any], bool], str]


def _number(low: float, high: float) -> _Check:
    def fits(value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and low <= value <= high

    return fits, f"a number from {low:g} to {high:g}"


def _whole(low: int) -> _Check:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= low

    return fits, f"a whole number, {low} or more"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_variable(value: Any) -> bool:
    # Capitals only: a pasted key must not pass for a name, for names stand in messages.
    return isinstance(value, str) and re.fullmatch("[A-Z_][A-Z0-9_]*", value) is not None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(_are_texts(pair) and len(pair) == 2 for pair in value)


def _are_apis(value: Any) -> bool:
    return isinstance(value, list) and all(item in FURTHER_APIS for item in value)


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_NOT_SHOWN = ("key_env", "key_file", "headers")
_TEXT: _Check = (_is_text, "a text")
_ENDPOINT: dict[str, _Check] = {
    "base_url": _TEXT,
    "api": (lambda value: value in APIS, f"one of {', '.join(APIS)}"),
    "key_env": (_is_variable, "the name of an environment variable"),
    "key_file": _TEXT,
    "max_concurrent": _whole(1),
    "requests_per_minute": _number(0.001, 1e9),
    "timeout_s": _number(0.001, 86_400),
    "max_tokens_name": _TEXT,
    "headers": (_are_headers, "a table of texts"),
    "also": (_are_apis, f"a list of {', '.join(FURTHER_APIS)}"),
    "stream_usage": (lambda value: isinstance(value, bool), "true or false"),
}
_PARAMETERS: dict[str, _Check] = {
    "temperature": _number(0, 10),
    "top_p": _number(0, 1),
    "seed": _whole(0),
    "max_tokens": _whole(1),
    "stop": (_are_texts, "a list of texts"),
    "reasoning_effort": _TEXT,
    "thinking_budget": _whole(1),
    "system": _TEXT,
    "examples": (_are_pairs, "a list of [prompt, answer] pairs"),
    "template": _TEXT,
    "body": (lambda value: isinstance(value, dict), "a table"),
}
_FOREIGN = {
    "chat": ("thinking_budget",),
    "messages": ("seed",),
    "completions": ("thinking_budget", "reasoning_effort", "system"),
}


def _checked(record: Any, checks: Mapping[str, _Check], where: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise PoolError(f"{where}: expected a table with {', '.join(checks)}")
    for key, value in record.items():
        if key not in checks:
            raise PoolError(f"{where}: unknown key {key!r}; known: {', '.join(checks)}")
        fits, words = checks[key]
        if not fits(value):
            # Where a name is asked for, people paste the key itself.
            shown = "" if key in _NOT_SHOWN else f", not {value!r}"
            raise PoolError(f"{where}: {key} must be {words}{shown}")
    return dict(record)
