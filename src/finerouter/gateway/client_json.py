"""JSON of values that a client sent.

The fast writer refuses two things that JSON can carry: half a surrogate pair (an emoji that was cut
in two), and whole numbers of more than 64 bits. Providers judge these, not we.
"""

from __future__ import annotations

from typing import Any

import msgspec

from finerouter.upstream.client import encoded

_encode = msgspec.json.Encoder().encode


def client_json(value: Any) -> bytes:
    """The value as JSON.

    Raises:
        RecursionError: it is nested too deeply.
    """
    try:
        return _encode(value)
    except (UnicodeEncodeError, OverflowError):
        return encoded(value)
