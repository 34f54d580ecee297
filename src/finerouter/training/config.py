"""Settings of training, and the dials of stage 2 that training chooses.

Takes and gives plain values; every one is checked when it is made. Knows nothing of data.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

from finerouter.errors import ConfigError

# Least and greatest value; fields not named here are zero or more.
_POSITIVE = (1e-12, sys.float_info.max)
_SHARE = (1e-12, 1 - 1e-12)
_BOUNDS = {
    "neighbours": _POSITIVE,
    "persistence": _SHARE,
    "resolutions": _POSITIVE,
    "betas": (0.0, 1.0),
    "levels": _POSITIVE,
    "min_task_size": _POSITIVE,
    "coverage": _SHARE,
    "classifier_penalty": _POSITIVE,
    "unseen_share": _SHARE,
    "folds": (2, sys.float_info.max),
    "tuning_prompts": (40, sys.float_info.max),
    "landmarks": _POSITIVE,
    "rank": _POSITIVE,
    "alphas": (0.0, 1.0),
}
_ANY = (0.0, sys.float_info.max)


@dataclass(frozen=True)
class Dials:
    """Settings of stage 2 that are tuned on held-out decisions.

    Attributes:
        sharpness: of the trunk's kernel.
        penalty: of the trunk's ridge regression.
        shrinkage: prompts' worth of evidence that a task head must outweigh.
        alpha: weight of the prompt-level estimate.
    """

    sharpness: float
    penalty: float
    shrinkage: float
    alpha: float


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that can be set about training; the defaults are meant to be left alone.

    Attributes:
        seed: the same data, configuration and seed give the same router, byte for byte, on the
            same machine with the same versions and number of threads.
        neighbours: of each prompt in the graph.
        persistence: of rank-biased overlap.
        resolutions, betas: granularities to choose from.
        levels: neighbouring resolutions that are blended, an odd number; 1 takes one alone.
        coarse: resolution that is tried alone beside the blends, by meaning only; 0 tries none.
        min_task_size: smaller communities join their nearest, as do those of less than a
            four-hundredth of the prompts.
        coverage: share of a task's prompts whose preferred model must be a candidate.
        exemplars: typical prompts kept per task; 0 keeps no prompt text in the router.
        structure_weight: length of the structural features beside the embedding.
        classifier_penalty: of the task classifier, per prompt.
        unseen_share: share of prompts expected to belong to no task.
        folds: of cross-validation.
        tuning_prompts: at most so many prompts are used for choosing dials.
        landmarks: of the trunk's kernel.
        rank: most units of the trunk.
        sharpnesses, penalties, shrinkages, alphas: dials of stage 2 to choose from.
    """

    seed: int = 0
    neighbours: int = 20
    persistence: float = 0.8
    resolutions: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0, 32.0)
    betas: tuple[float, ...] = (0.0, 0.3, 0.6)
    levels: int = 3
    coarse: float = 0.5
    min_task_size: int = 25
    coverage: float = 0.95
    exemplars: int = 3
    structure_weight: float = 0.3
    classifier_penalty: float = 1e-4
    unseen_share: float = 0.05
    folds: int = 5
    tuning_prompts: int = 10_000
    landmarks: int = 512
    rank: int = 16
    sharpnesses: tuple[float, ...] = (2.0, 4.0, 8.0)
    penalties: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0)
    shrinkages: tuple[float, ...] = (300.0, 1000.0, 3000.0)
    alphas: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item.name, getattr(self, item.name))
        if self.levels % 2 == 0 or self.levels > len(self.resolutions):
            raise ConfigError(
                f"levels must be odd and at most the number of resolutions, not {self.levels}"
            )


def _check(name: str, value: float | tuple[float, ...]) -> None:
    numbers = value if isinstance(value, tuple) else (value,)
    if not numbers:
        raise ConfigError(f"{name} is empty; give at least one value")
    low, high = _BOUNDS.get(name, _ANY)
    if not all(low <= number <= high for number in numbers):
        raise ConfigError(f"{name} must be {_range_in_words(low, high)}, not {value}")


def _range_in_words(low: float, high: float) -> str:
    least = "above zero" if 0 < low < 1 else f"at least {low:g}"
    if high == sys.float_info.max:
        return f"{least} and finite"
    return f"{least} and {'below 1' if high < 1 else 'at most 1'}"
