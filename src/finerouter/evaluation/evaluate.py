"""Judge a router on outcomes it has not seen, against choices that need no router.

Takes a router and held-out outcomes; gives an `EvaluationResult` with paired intervals. The steps:
every way of choosing chooses (`judging.py`), outcomes are averaged over the same resamples
(`resampled.py`), figures and tables are made of the averages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.headline import headline, lines, quality_cost
from finerouter.evaluation.judging import Judged, balanced_cost_weight, judge
from finerouter.evaluation.metric_list import metric_list
from finerouter.evaluation.resampled import resample, task_labels
from finerouter.evaluation.result import (
    DataFigures,
    EvaluationResult,
    RouterFigures,
)
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

Floats = NDArray[np.float64]
_REGRETS = 20


def evaluate(
    router: Router,
    held_out: OutcomeTable,
    *,
    training: OutcomeTable | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> EvaluationResult:
    """Evaluate a router.

    Args:
        router: trained.
        held_out: outcomes of the router's models on prompts it was not trained on.
        training: outcomes it was trained on, where they are at hand: the best model of each
            benchmark is then chosen there.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: too few prompts, or a model of the router has no outcomes.
    """
    judged = judge(router, held_out, training=training, seed=seed)
    found = resample(judged, resamples=resamples, seed=seed)
    abstained = float((task_labels(judged) == len(router.tasks)).mean())
    about = _router_figures(router)
    rows = router.features.encode(router.encoder, judged.outcomes.prompts)
    place = task_map(rows, judged.estimate.task_probs)
    return EvaluationResult(
        data=_data_figures(router, judged),
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
        flip_rates=(),
        latency=None,
        prompts=prompt_table(judged, place),
        resamples=resamples,
        seed=seed,
        notes=(),
    )


def _data_figures(router: Router, judged: Judged) -> DataFigures:
    outcomes = judged.outcomes
    names, counts = np.unique(np.array(outcomes.benchmarks or (), dtype=str), return_counts=True)
    return DataFigures(
        prompts=len(outcomes),
        models=outcomes.models,
        benchmarks=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        outcomes=int((~np.isnan(outcomes.score)).sum()),
        fingerprint=outcomes.fingerprint,
        training_prompts=len(router.training.prompt_ids),
        left_out=0,
        left_out_near=0,
        seen=0,
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
