"""A small client for OpenAI-compatible endpoints: JSON there, JSON back, one call at a time.

Takes a base URL, a path and a body; gives the answer as a dictionary, after retries where these
can help. Knows nothing of what is asked: embeddings and chat look alike from here.

The key is read from the environment at each call and stands in no message, log or `repr`. What
httpx2 raises is mapped here, once, to `EndpointError`.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from finerouter.errors import ConfigError, EndpointError, UserError

_logger = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.5
# Whoever asks for a longer pause is not going to answer soon: better to say so than to hang.
_LONGEST_WAIT_S = 60.0
_RETRIED_STATUS = {408, 429}  # and every 5xx
_EXCERPT_CHARS = 300
_NEXT_STEP = {
    400: "the endpoint refused the request; see its message",
    401: "set {key} to a valid key",
    403: "the key in {key} may not use this; check its rights",
    404: "check the base URL and the model's name",
    413: "send less at a time",
    429: "wait, or ask less often",
}


@dataclass(frozen=True)
class _Reply:
    """What came back: a status with its text, or status 0 with the reason why nothing did."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_improve(self) -> bool:
        return self.status == 0 or self.status in _RETRIED_STATUS or self.status >= 500


class Endpoint:
    """One base URL with its key, connections and patience; may be shared by threads."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key_env: str | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Check the URL; nothing is sent yet.

        Args:
            base_url: such as `https://api.example.com/v1`.
            api_key_env: the environment variable that holds the key. An unset one sends none, as
                many local servers want it.
            timeout_s: for connecting, and for each wait for data.
            max_retries: further attempts after the first.
            sleep: how to wait between attempts, in seconds.

        Raises:
            ConfigError: the URL is not http(s), or carries a key that messages could show.
            UserError: httpx2 is not installed.
        """
        self.base_url = _checked_url(base_url)
        self.api_key_env = api_key_env
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._sleep = sleep
        self._http = _import_httpx2()
        self._client = self._http.Client(timeout=timeout_s)
        # Also closes the connections of an endpoint that was simply dropped.
        self.close = weakref.finalize(self, self._client.close)

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, api_key_env={self.api_key_env!r})"

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send `body` to `path` and read the answer.

        Raises:
            EndpointError: no usable answer after all attempts.
            UserError: the key in the environment cannot be sent.
        """
        for attempt in range(self._max_retries):
            reply = self._send(path, body)
            wait = _wait_s(reply, attempt)
            if wait is None:
                return self._read(path, reply)
            _logger.info("%s: status %d, again in %.1f s", path, reply.status, wait)
            self._sleep(wait)
        return self._read(path, self._send(path, body))

    def _send(self, path: str, body: Mapping[str, Any]) -> _Reply:
        try:
            response = self._client.post(
                self.base_url + path,
                content=json.dumps(body).encode("ascii"),
                headers={"content-type": "application/json"} | self._authorization(),
            )
        except self._http.RequestError as error:
            return _Reply(0, f"{type(error).__name__}: {error}")
        return _Reply(response.status_code, response.text, response.headers)

    def _key(self) -> str:
        return os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""

    def _authorization(self) -> dict[str, str]:
        key = self._key()
        # The HTTP library would quote an impossible header, key and all, in its error.
        if not (key.isascii() and key.isprintable()):
            raise UserError(
                f"the key in {self.api_key_env} holds characters that HTTP cannot carry; "
                "set it again"
            )
        return {"authorization": f"Bearer {key}"} if key else {}

    def _read(self, path: str, reply: _Reply) -> dict[str, Any]:
        if not 200 <= reply.status < 300:
            raise self._failure(path, reply)
        try:
            answer = json.loads(reply.text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise EndpointError(
                f"POST {path}: status {reply.status}, but the answer is not a JSON object: "
                f"{self._excerpt(reply.text)}; check the base URL"
            )
        return answer

    def _failure(self, path: str, reply: _Reply) -> EndpointError:
        if reply.status == 0:
            step = "check that the endpoint is up and the base URL right"
            return EndpointError(f"POST {path}: no answer ({self._excerpt(reply.text)}); {step}")
        step = _NEXT_STEP.get(reply.status, "try again later; see the endpoint's message")
        step = step.format(key=self.api_key_env or "an environment variable (api_key_env)")
        return EndpointError(
            f"POST {path}: status {reply.status}: {self._excerpt(reply.text)}; {step}"
        )

    def _excerpt(self, text: str) -> str:
        # Some endpoints repeat the key in their complaint about it.
        key = self._key()
        shown = text.replace(key, "[key]") if key else text
        return " ".join(shown[:_EXCERPT_CHARS].split()) or "empty answer"


def _checked_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"base URL {base_url!r} is no http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"the base URL of {parts.hostname} may hold no user, password or query: "
            "name an environment variable in api_key_env instead"
        )
    return base_url.rstrip("/")


def _import_httpx2() -> ModuleType:
    # Not at the top: only those who have a remote endpoint need it.
    try:
        import httpx2
    except ImportError as error:
        raise UserError("remote endpoints need httpx2: pip install 'finerouter[remote]'") from error
    return httpx2


def _wait_s(reply: _Reply, attempt: int) -> float | None:
    """Seconds until the next attempt; None when there should be none."""
    if not reply.may_improve:
        return None
    asked = _retry_after_s(reply.headers.get("retry-after", ""))
    if asked is not None:
        return asked if asked <= _LONGEST_WAIT_S else None
    # Half fixed, half random: many clients of one endpoint must not come back together.
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt) * random.uniform(0.5, 1.0)


def _retry_after_s(header: str) -> float | None:
    """Read Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds: float = (moment - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)
