"""Judge a router on outcomes it has not seen, against choices that need no router.

Takes a router and held-out outcomes; gives an `EvaluationResult` with paired intervals. The steps:
every way of choosing chooses (`judging.py`), outcomes are averaged over the same resamples
(`resampled.py`), figures and tables are made of the averages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.headline import (
    headline,
    lines,
    quality_cost,
    saving_cost_weight,
)
from finerouter.evaluation.judging import Judged, balanced_cost_weight, judge
from finerouter.evaluation.latency import measure_latency
from finerouter.evaluation.metric_list import metric_list
from finerouter.evaluation.notes import notes
from finerouter.evaluation.resampled import Resampled, resample, task_labels
from finerouter.evaluation.result import (
    DataFigures,
    EvaluationResult,
    FlipRate,
    Latency,
    RouterFigures,
)
from finerouter.evaluation.robustness import flip_rates
from finerouter.evaluation.seen import Unseen, without_training_prompts
from finerouter.evaluation.tables import (
    benchmark_table,
    model_table,
    prompt_table,
    regret_table,
    task_table,
)
from finerouter.evaluation.task_map import task_map
from finerouter.outcomes import OutcomeTable
from finerouter.router import Router
from finerouter.training import Progress

Floats = NDArray[np.float64]
_REGRETS = 20


def evaluate(
    router: Router,
    outcomes: OutcomeTable,
    *,
    force: bool = False,
    resamples: int = 1000,
    seed: int = 0,
    decisions: int = 300,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate a router.

    Prompts that the router was trained on, and near-duplicates of these, are left out and counted.
    Where the data holds them, the best model of each benchmark is chosen by their outcomes.

    Args:
        router: trained.
        outcomes: of the router's models; other models are not looked at.
        force: judge on training prompts too; the result is marked.
        resamples: of the bootstrap.
        seed: of the bootstrap, and of what is drawn for folds and perturbations.
        decisions: how many to time; 0 times none, and then the same call gives the same result.
        progress: called with a stage's name, steps done and steps in all.

    Raises:
        DataError: too few prompts are left, a model of the router has no outcomes, or a number is
            out of its range.
    """
    report = progress or (lambda *_: None)
    report("judging", 0, 4)
    unseen = without_training_prompts(router, outcomes, force=force)
    judged = judge(router, unseen.held_out, training=unseen.training, seed=seed)
    report("judging", 1, 4)
    found = resample(judged, resamples=resamples, seed=seed)
    report("judging", 2, 4)
    balanced = balanced_cost_weight(router)
    flips = flip_rates(router, judged, balanced=balanced, resamples=resamples, seed=seed)
    report("judging", 3, 4)
    prompts = judged.outcomes.prompts
    latency = measure_latency(router, prompts, decisions=decisions) if decisions else None
    result = _result(router, outcomes, unseen, found, flips, latency, (resamples, seed))
    report("judging", 4, 4)
    return result


def _result(
    router: Router,
    outcomes: OutcomeTable,
    unseen: Unseen,
    found: Resampled,
    flips: tuple[FlipRate, ...],
    latency: Latency | None,
    drawn: tuple[int, int],
) -> EvaluationResult:
    judged, about = found.judged, _router_figures(router)
    abstained = float((task_labels(judged.estimate) == len(router.tasks)).mean())
    rows = router.features.encode(router.encoder, judged.outcomes.prompts)
    return EvaluationResult(
        data=_data_figures(router, judged, unseen),
        router=about,
        best_single=router.models[judged.best_single],
        headline=headline(found),
        lines=lines(found),
        curve=quality_cost(found),
        metrics=metric_list(found, task_accuracy=about.task_accuracy, abstained=abstained),
        benchmarks=benchmark_table(found),
        tasks=task_table(found, router.tasks),
        models=model_table(found),
        abstained=abstained,
        regrets=regret_table(judged, most=_REGRETS),
        flip_rates=flips,
        latency=latency,
        prompts=prompt_table(judged, task_map(rows, judged.estimate.task_probs)),
        resamples=drawn[0],
        seed=drawn[1],
        notes=notes(outcomes, unseen, judged),
        saving_cost_weight=saving_cost_weight(found),
    )


def _data_figures(router: Router, judged: Judged, unseen: Unseen) -> DataFigures:
    outcomes = judged.outcomes
    names, counts = np.unique(np.array(outcomes.benchmarks or (), dtype=str), return_counts=True)
    return DataFigures(
        prompts=len(outcomes),
        models=outcomes.models,
        benchmarks=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        outcomes=int((~np.isnan(outcomes.score)).sum()),
        fingerprint=outcomes.fingerprint,
        training_prompts=len(router.training.prompt_ids),
        left_out=unseen.left_out,
        left_out_near=unseen.left_out_near,
        seen=unseen.seen,
        costs_known=judged.costs_known,
    )


def _router_figures(router: Router) -> RouterFigures:
    info = router.training.info
    return RouterFigures(
        finerouter=str(info["finerouter"]),
        encoder=router.encoder.spec.name,
        tasks=len(router.tasks),
        training_fingerprint=str(info["data"]["fingerprint"]),
        balanced_cost_weight=balanced_cost_weight(router),
        prices={
            model.model: (model.input_usd_per_mtok, model.output_usd_per_mtok)
            for model in router.pool
        },
        task_accuracy=info["cross_validation"].get("task_accuracy"),
    )
