"""Outcomes -> a trained router. The mirror image of `router.py`: the same steps, fitted and tuned.

Takes an `OutcomeTable`; gives a `Router` with a record of how it came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.duplicates import sketches
from finerouter.encoders import Encoder, StaticEncoder
from finerouter.encoders.features import FeatureMap
from finerouter.encoders.structure import structure
from finerouter.errors import DataError
from finerouter.frontier import Curve, quality_cost_curve
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import folded, prompt_id, text_bytes
from finerouter.quality.calibration import (
    brier_score,
    expected_calibration_error,
    uncertainty_scale,
)
from finerouter.router import Router, TrainingRecord
from finerouter.tasks.discovery import FREE, candidate_models, join_nearest
from finerouter.tasks.naming import distinctive_terms, exemplars, names_from_terms
from finerouter.tasks.taxonomy import Task, TaskEdits
from finerouter.training.balanced import balanced_cost_weight
from finerouter.training.config import TrainingConfig
from finerouter.training.stages import (
    Data,
    StageOne,
    compact,
    fit_cost,
    fit_quality,
    fit_stage_one,
    prepare,
)
from finerouter.training.tuning import (
    HeldOut,
    Progress,
    choose_dials,
    choose_granularity,
    cost_range,
    in_order,
    make_folds,
    tuning_part,
)
from finerouter.version import __version__

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]

_LEAST_PROMPTS = 40


def train(
    outcomes: OutcomeTable,
    config: TrainingConfig | None = None,
    *,
    encoder: Encoder | None = None,
    edits: TaskEdits | None = None,
    rediscover: bool = False,
    descriptions: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Router:
    """Train a router.

    Args:
        outcomes: scores of at least two models; gaps are fine.
        config: by default `TrainingConfig()`.
        encoder: by default the embedded static one.
        edits: tasks decided by a person, in place of discovery.
        rediscover: keep only the pinned tasks of `edits` and discover the rest.
        descriptions: of the kind of task behind each prompt, "" for none. Discovery looks at them
            in place of the prompts; what is served does not need them.
        progress: called with a stage's name, steps done and steps in all.

    Raises:
        DataError: too few prompts or models, a model without outcomes, or another number of
            descriptions than of prompts.
        EncoderError: the encoder cannot be had.
    """
    config = config or TrainingConfig()
    report = progress or (lambda *_: None)
    _check(outcomes)
    _check_descriptions(outcomes, descriptions)
    encoder = encoder or StaticEncoder.load()
    features, rows = _features(outcomes, encoder, config, report)
    fixed = _fixed_labels(outcomes, rows, config, edits, rediscover=rediscover)
    lengths = np.array([text_bytes(text) for text in outcomes.prompts], dtype=np.float64)
    graph_rows = _graph_rows(outcomes, encoder, features, rows, descriptions)
    data = Data(rows, graph_rows, lengths, outcomes, fixed)

    folds = list(make_folds(tuning_part(data, config), config, report))
    granularities, scores = choose_granularity(folds, config, report)
    dials, held_out = choose_dials(folds, granularities, config, report)

    report("fitting", 0, 3)
    stage_one = fit_stage_one(prepare(data, config), granularities, config)
    report("fitting", 1, 3)
    quality = fit_quality(data, stage_one, dials, config)
    cost = fit_cost(data, stage_one)
    report("fitting", 2, 3)
    judged = in_order(folds)
    scale = uncertainty_scale(held_out.quality, held_out.std, judged.score, held_out.group)
    tasks = _describe(data, stage_one.labels, config, edits, rediscover=rediscover)
    info = {
        "finerouter": __version__,
        "config": asdict(config),
        "data": _counts(outcomes),
        "described": sum(map(bool, descriptions or ())),
        "granularities": [asdict(granularity) for granularity in granularities],
        "granularity_scores": scores,
        "dials": asdict(dials),
        "cross_validation": {
            **_figures(held_out, judged, scale),
            "task_accuracy": _task_accuracy(stage_one),
        },
        "balanced_cost_weight": balanced_cost_weight(
            held_out.quality, held_out.cost_usd, judged.score
        ),
    }
    report("fitting", 3, 3)
    return Router(
        encoder=encoder,
        features=features,
        levels=stage_one.levels,
        tasks=tasks,
        quality=quality.scaled(scale),
        cost=cost,
        pool=outcomes.pool,
        training=TrainingRecord(
            info=info,
            prompt_ids=tuple(prompt_id(text) for text in outcomes.prompts),
            labels=stage_one.labels,
            sketches=sketches(outcomes.prompts),
        ),
    )


def _check(outcomes: OutcomeTable) -> None:
    if len(outcomes.models) < 2:
        raise DataError(
            f"outcomes of one model only ({outcomes.models[0]}); routing needs at least two"
        )
    different = len({folded(text) for text in outcomes.prompts})
    if different < _LEAST_PROMPTS:
        raise DataError(
            f"{different} different {'prompt is' if different == 1 else 'prompts are'} too few to "
            f"learn from; give at least {_LEAST_PROMPTS}"
        )
    seen = (~np.isnan(outcomes.score)).sum(axis=0)
    if seen.min() < 2:
        name = outcomes.models[int(seen.argmin())]
        raise DataError(f"model {name!r} has {seen.min()} outcomes; add some or leave it out")


def _features(
    outcomes: OutcomeTable, encoder: Encoder, config: TrainingConfig, report: Progress
) -> tuple[FeatureMap, Rows]:
    step = 2_048
    parts = []
    for at in range(0, len(outcomes), step):
        report("encoding", at, len(outcomes))
        parts.append(encoder.encode(outcomes.prompts[at : at + step]))
    report("encoding", len(outcomes), len(outcomes))
    structural = structure(outcomes.prompts)
    features = FeatureMap.fit(structural, weight=config.structure_weight)
    return features, features.rows(np.concatenate(parts), structural)


def _check_descriptions(outcomes: OutcomeTable, descriptions: Sequence[str] | None) -> None:
    if descriptions is not None and len(descriptions) != len(outcomes):
        raise DataError(
            f"{len(descriptions)} descriptions for {len(outcomes)} prompts; "
            'give one each, "" for none'
        )


def _graph_rows(
    outcomes: OutcomeTable,
    encoder: Encoder,
    features: FeatureMap,
    rows: Rows,
    descriptions: Sequence[str] | None,
) -> Rows:
    """Rows of the descriptions with their prompts' structure; a prompt's own without one."""
    described = [at for at, text in enumerate(descriptions or ()) if text.strip()]
    if descriptions is None or not described:
        return rows
    embeddings = encoder.encode([descriptions[at] for at in described])
    graph_rows = rows.copy()
    graph_rows[described] = features.rows(
        embeddings, structure([outcomes.prompts[at] for at in described])
    )
    return graph_rows


def _fixed_labels(
    outcomes: OutcomeTable,
    rows: Rows,
    config: TrainingConfig,
    edits: TaskEdits | None,
    *,
    rediscover: bool,
) -> Labels:
    if edits is None:
        return np.full(len(outcomes), FREE)
    labels = edits.labels(outcomes.prompts, pinned_only=rediscover)
    if not rediscover:
        labels = join_nearest(rows, labels, k=config.neighbours, seed=config.seed)
    return compact(labels)


def _describe(
    data: Data,
    labels: Labels,
    config: TrainingConfig,
    edits: TaskEdits | None,
    *,
    rediscover: bool,
) -> tuple[Task, ...]:
    table = data.table
    terms = distinctive_terms(table.prompts, labels)
    kept = _kept(edits, table.prompts, rediscover=rediscover)
    names = names_from_terms(terms, given=[name for name, _ in kept])
    pinned = [pin for _, pin in kept] + [False] * (len(names) - len(kept))
    shown = exemplars(table.prompts, data.rows, labels, each=config.exemplars)
    tasks = []
    for at, name in enumerate(names):
        score = table.score[labels == at]
        chosen, reached = candidate_models(score, coverage=config.coverage)
        tasks.append(
            Task(
                name=name,
                size=len(score),
                terms=terms[at],
                exemplars=shown[at],
                candidates=tuple(table.models[column] for column in chosen),
                coverage=reached,
                pinned=pinned[at],
            )
        )
    return tuple(tasks)


def _kept(
    edits: TaskEdits | None, prompts: Sequence[str], *, rediscover: bool
) -> list[tuple[str, bool]]:
    """Name and pin of the tasks that a person decided, in the order of their labels."""
    if edits is None:
        return []
    labels = edits.labels(prompts, pinned_only=rediscover)
    used = [at for at in np.unique(labels) if at != FREE]
    return [(edits.names[at], edits.pinned[at]) for at in used]


def _counts(outcomes: OutcomeTable) -> dict[str, Any]:
    seen = ~np.isnan(outcomes.score)
    return {
        "prompts": len(outcomes),
        "models": len(outcomes.models),
        "outcomes": int(seen.sum()),
        "fingerprint": outcomes.fingerprint,
    }


def _figures(held_out: HeldOut, table: OutcomeTable, scale: float) -> dict[str, Any]:
    """Cross-validated figures for the manifest."""
    realised = table.realised_cost_usd
    curve = quality_cost_curve(held_out.quality, held_out.cost_usd, table.score, realised)
    best = int(np.nanargmax(column_means(table.score)))
    brier = brier_score(held_out.quality, table.score)
    error = expected_calibration_error(held_out.quality, table.score)
    return {
        "best_single": table.models[best],
        "best_single_quality": float(column_means(table.score)[best]),
        "quality": float(curve.quality[0]),
        "cost_saved_at_best_single_quality": _saving(curve, table.score, realised),
        "std_scale": scale,
        "brier": dict(zip(table.models, brier.tolist(), strict=True)),
        "expected_calibration_error": dict(zip(table.models, error.tolist(), strict=True)),
    }


def _task_accuracy(stage_one: StageOne) -> float:
    """Share of training prompts whose most probable task, out of fold, is the one discovered."""
    return float((stage_one.task_probs.argmax(axis=1) == stage_one.labels).mean())


def _saving(curve: Curve, score: Floats, realised_usd: Floats) -> float | None:
    """Share of the best single model's cost saved at its own quality; None without costs.

    At the dial that is best on these very prompts, so it flatters; `evaluate` tells what to expect.
    """
    _, high = cost_range(score, realised_usd)
    if not high > 0:
        return None
    cheapest = curve.cheapest_reaching(float(np.nanmax(column_means(score))))
    return float(1 - cheapest / high) if np.isfinite(cheapest) else None
