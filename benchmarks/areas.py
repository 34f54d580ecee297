"""Areas under the curve of quality against cost, with intervals, for routers of different training.

What `labels` and `joining` share: the part of the data that may be looked at, a training with
fewer dials, and the bootstrap over prompts. Cost weights are the same for all routers, so that no
curve is finer than another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finerouter import OutcomeTable, Router
from finerouter.evaluation.intervals import Interval
from finerouter.frontier import cheapest_argmax, mean_quality_over
from finerouter.training import TrainingConfig

Floats = NDArray[np.float64]
RESAMPLES = 400
WEIGHTS = np.concatenate([[0.0], np.geomspace(0.3, 3e4, 79)])
# One granularity and one trunk in place of a grid: hundreds of trainings in minutes. What is
# compared is trained alike.
FEW_DIALS = TrainingConfig(
    resolutions=(4.0, 8.0, 16.0),
    coarse=0.0,
    betas=(0.3,),
    sharpnesses=(2.0,),
    penalties=(10.0,),
    shrinkages=(1000.0,),
    alphas=(0.0, 0.2, 0.4),
    folds=3,
)


def development_part(path: Path) -> OutcomeTable:
    """The prompts that development may look at: seven in ten, by their ids; the rest is sealed."""
    outcomes = OutcomeTable.read(path)
    return outcomes.rows([at for at, name in enumerate(outcomes.prompt_ids) if _visible(name)])


def _visible(prompt_id: str) -> bool:
    digest = hashlib.sha256(f"sealed{prompt_id}".encode()).hexdigest()
    return int(digest[:8], 16) / 2**32 < 0.7


@dataclass(frozen=True, eq=False)
class Choices:
    """What a router's choices came to on held-out prompts, at every cost weight.

    Attributes:
        score, cost_usd: [prompt, weight].
    """

    score: NDArray[np.float32]
    cost_usd: NDArray[np.float32]

    @classmethod
    def of(cls, router: Router, held_out: OutcomeTable) -> Choices:
        """Choose for held-out prompts; every model of the router has an outcome on each."""
        held_out = held_out.select_models(router.models)
        estimate = router.estimate(held_out.prompts)
        realised, at = held_out.realised_cost_usd, np.arange(len(held_out))
        columns = [
            cheapest_argmax(estimate.quality - weight * estimate.cost_usd, estimate.cost_usd)
            for weight in WEIGHTS
        ]
        return cls(
            np.stack([held_out.score[at, column] for column in columns], axis=1, dtype=np.float32),
            np.stack([realised[at, column] for column in columns], axis=1, dtype=np.float32),
        )

    def area(self, draw: Floats, low: float, high: float) -> float:
        """Mean height of the hull between two costs; prompts weighted, adding up to one."""
        return mean_quality_over(draw @ self.cost_usd, draw @ self.score, low, high)


def draws(prompts: int, seed: int = 0) -> Iterator[Floats]:
    """Weights of all prompts: every one once, then bootstrap samples."""
    random = np.random.default_rng(seed)
    yield np.ones(prompts)
    for _ in range(RESAMPLES):
        yield random.multinomial(prompts, np.full(prompts, 1 / prompts)).astype(np.float64)


def resampled(
    prompts: int,
    held_out: Sequence[NDArray[np.int64]],
    statistic: Callable[[int, Floats], Floats],
) -> Floats:
    """Means over splits of a statistic, first of all prompts, then of each bootstrap sample.

    Splits share prompts, so a prompt drawn twice counts twice in every split that holds it out.

    Args:
        prompts: of the data.
        held_out: rows of each split's held-out prompts.
        statistic: takes the number of a split and weights of its prompts, adding up to one.
    """
    found = []
    for draw in draws(prompts):
        parts = [draw[rows] / draw[rows].sum() for rows in held_out]
        found.append(np.mean([statistic(at, part) for at, part in enumerate(parts)], axis=0))
    return np.stack(found)


def interval(samples: Floats) -> dict[str, float]:
    """Value and 95 % interval; the first sample is that of all prompts."""
    return {
        key: round(value, 6)
        for key, value in vars(Interval.of(float(samples[0]), samples[1:])).items()
    }
