"""What is compared: references that are no routers, published methods, and finerouter itself.

Takes a split; gives, for each method, the outcomes of its choices on the held-out part along its
dial. Everything is fitted and tuned on the fitting part alone.

The budget of tuning is the same for all: eight settings, among them the published defaults,
compared by out-of-fold routing utility in the same three folds. finerouter gets it too
(`EQUAL_BUDGET`); as it ships, it compares 31 settings in five folds of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.comparison.parts import Split
from finerouter import OutcomeTable
from finerouter.encoders import StaticEncoder
from finerouter.encoders.features import FeatureMap
from finerouter.encoders.structure import structure
from finerouter.evaluation.baselines import (
    benchmark_means,
    cheapest_correct_choice,
    oracle_choice,
    random_outcome,
)
from finerouter.evaluation.baselines.preference import (
    Chosen,
    Estimates,
    Scores,
    outcomes_of,
)
from finerouter.evaluation.baselines.protocol import Baseline
from finerouter.evaluation.baselines.registry import BASELINES
from finerouter.evaluation.baselines.single import best_single, cheapest
from finerouter.evaluation.baselines.tuning import FOLDS, tune
from finerouter.gaps import column_means
from finerouter.training import TrainingConfig, train

Floats = NDArray[np.float64]
SHIPPED = "finerouter, as it ships"
EQUAL = "finerouter"
# Eight settings as everybody: coarse tasks or finer ones at two betas, two kernels, one shrinkage,
# two blends.
EQUAL_BUDGET = TrainingConfig(
    folds=FOLDS,
    resolutions=(4.0, 8.0, 16.0),
    betas=(0.0, 0.6),
    sharpnesses=(1.0, 2.0),
    penalties=(10.0,),
    shrinkages=(1000.0,),
    alphas=(0.0, 0.4),
)


@dataclass(frozen=True, eq=False)
class Run:
    """A method on a split.

    Attributes:
        chosen: held-out outcomes of its choices, along its dial.
        defaults: the same with the published defaults; None where there is nothing to tune.
        note: the settings chosen, and seconds of processor time.
    """

    chosen: Chosen
    defaults: Chosen | None
    note: Mapping[str, Any]


class Prepared:
    """A split with its rows, made once for all methods."""

    def __init__(self, split: Split) -> None:
        self.split = split

    @cached_property
    def encoder(self) -> StaticEncoder:
        """The embedded encoder."""
        return StaticEncoder.load()

    @cached_property
    def features(self) -> FeatureMap:
        """Fitted on the fitting part."""
        weight = TrainingConfig().structure_weight
        return FeatureMap.fit(structure(self.split.fit.prompts), weight=weight)

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Unit rows of the fitting part: embedding and structure, as finerouter sees them."""
        return self.features.encode(self.encoder, self.split.fit.prompts)

    @cached_property
    def held_out_rows(self) -> NDArray[np.float32]:
        """Unit rows of the held-out part."""
        return self.features.encode(self.encoder, self.split.held_out.prompts)


Method = Callable[[Prepared], Run]


def _always(column: Callable[[OutcomeTable], int]) -> Method:
    def run(prepared: Prepared) -> Run:
        at, held_out = column(prepared.split.fit), prepared.split.held_out
        chosen = Chosen(
            _or_mean(held_out.score[:, [at]]), _or_mean(held_out.realised_cost_usd[:, [at]])
        )
        return Run(chosen, None, {"model": held_out.models[at]})

    return run


def _or_mean(values: Floats) -> Floats:
    """Values [prompt, 1] with the mean where the model was not asked; zero where none is known."""
    return np.nan_to_num(np.where(np.isnan(values), column_means(values), values))


def _hindsight(choice: Callable[[OutcomeTable], NDArray[np.int64]]) -> Method:
    def run(prepared: Prepared) -> Run:
        at = choice(prepared.split.held_out)
        wanted = np.eye(len(prepared.split.fit.models))[at]
        preference = Scores(wanted[None], np.zeros_like(wanted))
        return Run(outcomes_of(preference, prepared.split.held_out), None, {})

    return run


def _random(prepared: Prepared) -> Run:
    held_out = prepared.split.held_out
    score = random_outcome(held_out.score)
    asked = np.where(np.isnan(held_out.score), np.nan, held_out.realised_cost_usd)
    return Run(Chosen(score[:, None], np.nan_to_num(random_outcome(asked))[:, None]), None, {})


def _by_benchmark(prepared: Prepared) -> Run:
    estimates = benchmark_means(prepared.split.fit, prepared.split.held_out)
    return Run(outcomes_of(estimates, prepared.split.held_out), None, {})


def _tuned(baseline: type[Baseline]) -> Method:
    def run(prepared: Prepared) -> Run:
        started = time.process_time()
        split, settings = prepared.split, baseline.configurations()
        tuned = None
        if len(settings) > 1:
            tuned = tune(settings, prepared.rows, split.fit, seed=split.seed)
        chosen = tuned.chosen if tuned else settings[0]
        own = _judged(chosen, prepared)
        defaults = own if chosen == settings[0] else _judged(settings[0], prepared)
        note = {
            "setting": repr(chosen),
            "utilities": [round(value, 5) for value in tuned.utilities] if tuned else [],
            "cpu_s": round(time.process_time() - started, 2),
        }
        return Run(own, defaults if tuned else None, note)

    return run


def _judged(baseline: Baseline, prepared: Prepared) -> Chosen:
    split = prepared.split
    fitted = baseline.fit(prepared.rows, split.fit, seed=split.seed)
    return outcomes_of(fitted.prefer(prepared.held_out_rows), split.held_out)


def _finerouter(config: TrainingConfig) -> Method:
    def run(prepared: Prepared) -> Run:
        started = time.process_time()
        split = prepared.split
        router = train(split.fit, replace(config, seed=split.seed), encoder=prepared.encoder)
        estimate = router.estimate(split.held_out.prompts)
        chosen = outcomes_of(Estimates(estimate.quality, estimate.cost_usd), split.held_out)
        note = {
            "tasks": len(router.tasks),
            "granularities": router.training.info["granularities"],
            "dials": router.training.info["dials"],
            "cpu_s": round(time.process_time() - started, 2),
        }
        return Run(chosen, None, note)

    return run


REFERENCES: dict[str, Method] = {
    "random model": _random,
    "cheapest": _always(cheapest),
    "best single": _always(best_single),
    "best per benchmark, labels known": _by_benchmark,
    "oracle": _hindsight(oracle_choice),
    "oracle, cheapest correct": _hindsight(cheapest_correct_choice),
}
OURS: dict[str, Method] = {
    EQUAL: _finerouter(EQUAL_BUDGET),
    SHIPPED: _finerouter(TrainingConfig()),
}
METHODS: dict[str, Method] = {
    **REFERENCES,
    **{baseline.name: _tuned(baseline) for baseline in BASELINES},
    **OURS,
}
# References that are one way of choosing, without a dial.
POINTS = tuple(name for name in REFERENCES if name != "best per benchmark, labels known")
CURVES = tuple(name for name in METHODS if name not in POINTS)
