"""How long a decision takes, prompt in and model out, on this machine.

Takes a router and prompts; gives percentiles. Knows nothing of quality.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from finerouter.evaluation.result import Latency
from finerouter.router import Router

_WARM_UP = 5


def measure_latency(router: Router, prompts: Sequence[str], *, decisions: int) -> Latency:
    """Time single decisions on the first prompts, then all prompts as one batch.

    Args:
        decisions: how many to time; fewer where there are fewer prompts.
    """
    for text in prompts[:_WARM_UP]:
        router.route(text)
    timed = [_timed(router, text) for text in prompts[:decisions]]
    started = time.perf_counter()
    router.estimate(prompts)
    whole = time.perf_counter() - started
    p50, p99 = np.percentile(timed, [50, 99])
    return Latency(len(timed), float(1000 * p50), float(1000 * p99), len(prompts) / whole)


def _timed(router: Router, text: str) -> float:
    started = time.perf_counter()
    router.route(text)
    return time.perf_counter() - started
