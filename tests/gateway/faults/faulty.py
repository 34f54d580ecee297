"""Endpoints that misbehave at a share of their calls, and what clients of a gateway see of it.

By hand: python -m benchmarks.reliability faults
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
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
TIMEOUTS = """
[timeouts]
first_byte_s = 0.5
between_chunks_s = 0.5
"""
BREAKERS = """
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
        refused_after: the fewest calls of a request that was refused, 0 where none was.
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
    refused_after: int


def at_a_share(fault: Fault, share: float, seed: int) -> Callable[[Call], Fault | None]:
    """The fault at so many calls, by chance."""
    rng = random.Random(seed)
    return lambda call: fault if call.path != "/v1/models" and rng.random() < share else None


def at_first_calls(fault: Fault) -> Callable[[Call], Fault | None]:
    """The fault at the first call for every fifth prompt, and the second for every tenth.

    For all endpoints together; so that no request meets with it oftener than it may ask.
    """
    calls: Counter[str] = Counter()

    def rule(call: Call) -> Fault | None:
        calls[call.prompt] += 1
        number = int(call.prompt.split()[2]) if call.prompt else 1
        hit = number % 5 == 0 and calls[call.prompt] <= (2 if number % 10 == 0 else 1)
        return fault if hit else None

    return rule


async def seen(
    url: str,
    upstreams: list[LoopbackUpstream],
    rules: Sequence[Callable[[Call], Fault | None]],
    requests: int,
    *,
    stream: bool,
) -> Seen:
    """Ask so often while the endpoints misbehave by these rules."""
    for upstream, rule in zip(upstreams, rules, strict=True):
        upstream.requests.clear()
        upstream.billed.clear()
        upstream.misbehave = rule
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
        # The error lists every call.
        refused_after=min(
            (one.body.count(b" at e") for one in got if one.what == REFUSED), default=0
        ),
    )


def _by_prompt(upstream: LoopbackUpstream) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for (_, prompt), count in upstream.billed.items():
        counted[prompt] += count
    return counted
