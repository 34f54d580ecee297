"""How often and how long to wait for an endpoint in trouble.

Takes a reply and how many attempts there were; gives seconds, or None for giving up. Knows nothing
of how a call is made.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from finerouter.upstream.reply import Reply

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Patience:
    """Retries with growing, jittered waits.

    Attributes:
        max_retries: further attempts after the first.
        first_wait_s: before the second attempt; doubled with each.
        longest_wait_s: whoever asks for a longer pause is not going to answer soon: better to say
            so than to hang.
    """

    max_retries: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def wait_s(self, reply: Reply, attempt: int) -> float | None:
        """Seconds until the next attempt after number `attempt` (from 0); None for none."""
        if attempt >= self.max_retries or not reply.may_pass:
            return None
        asked = retry_after_s(reply)
        if asked is not None:
            return asked if asked <= self.longest_wait_s else None
        # Half fixed, half random: many clients of one endpoint must not come back together.
        longest = min(self.longest_wait_s, self.first_wait_s * 2.0**attempt)
        return longest * random.uniform(0.5, 1.0)


async def patiently(
    attempt: Callable[[], Awaitable[Reply]],
    patience: Patience,
    sleep: Sleep,
) -> Reply:
    """Attempt until there is an answer, or no hope; the last reply either way."""
    done = 0
    while True:
        reply = await attempt()
        wait = patience.wait_s(reply, done)
        if wait is None:
            return reply
        await sleep(wait)
        done += 1


def retry_after_s(reply: Reply) -> float | None:
    """Read Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    header = reply.headers.get("retry-after", "").strip()
    if header.isascii() and header.replace(".", "", 1).isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
