"""Endpoints that misbehave at a share of their calls, and what clients of a gateway see of it.

By hand: python -m benchmarks.reliability faults
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.gateway.faults.load import BROKEN, LOST, REFUSED, TORN, WHOLE, Got, all_of, chat
from tests.loopback import FAULTS, Call, Fault, LoopbackUpstream

# The gateway waits for 0.5 s in these runs: a second is too slow, a fifth is not.
KINDS: dict[str, Fault] = {
    "slow, in time": Fault.slow(0.2),
    "slow, too late": Fault.slow(1.5),
    "stall, in time": Fault.stall(0.2),
    "stall, too late": Fault.stall(1.5),
    "429": Fault.status(429),
    "500": Fault.status(500),
    "error inside 200": Fault.error_inside(500),
    **{name: FAULTS[name] for name in FAULTS if name != "endless_headers"},
}
# Faults that strike when the answer has begun: a stream cannot be asked for again then.
AFTER_FIRST = frozenset(("stall, too late", "hang_up_midway", "half_character"))
CONFIG = """
[timeouts]
first_byte_s = 0.5
between_chunks_s = 0.5
[breaker]
health_interval_s = 0.2
cooldown_s = 1.0
"""


@dataclass(frozen=True)
class Seen:
    """What clients saw of one fault.

    Attributes:
        requests: that were sent.
        whole: answered to the end; refused: by an error before the first byte; broken: streams that
            ended with an error event; torn: without one; lost: connections that went.
        calls: of the endpoints, for each request.
        twice_billed: prompts of broken streams that were billed again after their first byte.
        longest_s: that a request took.
    """

    requests: int
    whole: int
    refused: int
    broken: int
    torn: int
    lost: int
    calls: float
    twice_billed: int
    longest_s: float


def at_a_share(fault: Fault, share: float, seed: int) -> Callable[[Call], Fault | None]:
    """The fault at so many calls, by chance."""
    rng = random.Random(seed)
    return lambda call: fault if call.path != "/v1/models" and rng.random() < share else None


async def seen(
    url: str, upstreams: list[LoopbackUpstream], fault: Fault, requests: int, *, stream: bool
) -> Seen:
    """Ask so often while a fifth of all calls meet with the fault."""
    for number, upstream in enumerate(upstreams):
        upstream.requests.clear()
        upstream.billed.clear()
        upstream.misbehave = at_a_share(fault, 0.2, number)
    bodies = [
        chat(f"What is {number} plus 25 times 3?", stream=stream) for number in range(requests)
    ]
    got = await all_of(url, bodies, 16)
    for upstream in upstreams:
        upstream.misbehave = lambda _: None
    return _seen(got, upstreams)


def _seen(got: list[Got], upstreams: list[LoopbackUpstream]) -> Seen:
    what = Counter(one.what for one in got)
    calls = sum(call.path != "/v1/models" for up in upstreams for call in up.requests)
    billed = sum((Counter(_by_prompt(up)) for up in upstreams), Counter())
    return Seen(
        requests=len(got),
        whole=what[WHOLE],
        refused=what[REFUSED],
        broken=what[BROKEN],
        torn=what[TORN],
        lost=what[LOST],
        calls=round(calls / len(got), 3),
        twice_billed=sum(billed[one.prompt] > 1 for one in got if one.what in (BROKEN, TORN)),
        longest_s=round(max(one.seconds for one in got), 2),
    )


def _by_prompt(upstream: LoopbackUpstream) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for (_, prompt), count in upstream.billed.items():
        counted[prompt] += count
    return counted
