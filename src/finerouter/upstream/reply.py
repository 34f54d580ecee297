"""What came back from one attempt: a status with headers and body, or the reason why nothing did.

A value that crosses from the client to whoever decides what to do next. Knows nothing of that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_PASSING_STATUS = frozenset((408, 409, 425, 429))  # and every 5xx


@dataclass(frozen=True)
class Reply:
    """The outcome of one attempt.

    Attributes:
        status: of HTTP; 0 where no whole answer came.
        headers: names in lower case.
        body: as it came.
        reason: why no whole answer came, "" where one did.
        sent: whether the endpoint may have worked on it, and so may bill it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    reason: str = ""
    sent: bool = True

    @property
    def fine(self) -> bool:
        """Whether the endpoint says that it answered."""
        return 200 <= self.status < 300

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may do better: no answer, too many calls, trouble over there."""
        if self.fine:
            return self.json is None
        return self.status == 0 or self.status in _PASSING_STATUS or self.status >= 500

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object; None where it is none, or not even UTF-8."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    @property
    def text(self) -> str:
        """The body for people, or the reason why there is none."""
        return self.body.decode("utf-8", "replace") if not self.reason else self.reason
