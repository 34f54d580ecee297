"""A new model joins a trained router, from a few probes or from less; nothing else is retrained.

Takes a router, the newcomer's entry in the pool, and what is known of it: outcomes on probe prompts
(`finerouter.selection.choose_probes` chooses them), benchmark scores, or a model that it is like.
Gives a router with one more column everywhere. NumPy alone. Knows nothing of how probes were chosen
or collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.cost import CostModel
from finerouter.duplicates import sketches
from finerouter.errors import DataError, PoolError
from finerouter.joining.probing import Probes, known_scores, of_newcomer, own_column
from finerouter.outcomes import OutcomeTable
from finerouter.pool import Model, ModelPool
from finerouter.prompt import prompt_id, text_bytes
from finerouter.quality.mixture import QualityModel
from finerouter.quality.newcomer import (
    Design,
    Newcomer,
    Spread,
    prior_newcomer,
    probe_design,
    task_design,
    with_probes,
)
from finerouter.router import Router

Floats = NDArray[np.float64]
Benchmarks = Mapping[str, Mapping[str, float]]
# So many standard deviations are taken off a newcomer's quality: what is not known of it must not
# make it look best by luck (docs/experiments.md).
CAUTION = 0.15


def join(
    router: Router,
    model: Model,
    *,
    probes: OutcomeTable | None = None,
    like: str | None = None,
    benchmarks: Benchmarks | None = None,
    caution: float = CAUTION,
) -> Router:
    """Add a model to a router.

    Give at least one of `probes`, `like` and `benchmarks`; probes count for more than what is only
    declared, the more of them there are. A model that joined before joins anew from what is given
    now, so give all of its probes so far.

    Args:
        router: trained; it is not changed.
        model: the newcomer, with its prices.
        probes: outcomes of the newcomer, and of the router's models on the same prompts where
            known: they tell a hard prompt from a bad answer.
        like: a model of the router that the newcomer is declared to be like.
        benchmarks: benchmark -> model -> score, of the newcomer and at least two of the router's
            models; any scale.
        caution: standard deviations taken off the newcomer's quality.

    Returns:
        A router whose last model is the newcomer; its uncertainty is wide where little is known.

    Raises:
        DataError: nothing is known of the newcomer, or what is given does not fit.
        PoolError: the router was trained with outcomes of that model, or knows no model `like`.
    """
    router = _without_joined(router, model.model)
    probes = of_newcomer(probes, model.model)
    if probes is None and like is None and not benchmarks:
        raise DataError(
            f"nothing is known of {model.model!r}; give outcomes on probe prompts, benchmark "
            "scores, or a model that it is like"
        )
    alike = None if like is None else _column(router, like)
    newcomer = prior_newcomer(
        Spread.learn(router.quality.priors[0]),
        models=len(router.models),
        tasks=sum(len(prior.mean) for prior in router.quality.priors),
        like=alike,
        benchmarks=_by_column(router, model.model, benchmarks or {}),
    )
    seen = None if probes is None else Probes.of(router, probes.prompts)
    if probes is not None and seen is not None:
        design = probe_design(seen.quality, known_scores(router, probes), seen.tasks)
        newcomer = with_probes(newcomer, design, own_column(probes.score, probes, model.model))
    quality = _joined_quality(router, newcomer, caution)
    record = {
        "model": model.model,
        "probes": 0 if probes is None else len(probes),
        "like": like,
        "benchmarks": sorted(benchmarks or {}),
        "caution": caution,
        "likeness": dict(zip(router.models, newcomer.likeness.tolist(), strict=True)),
        **_summary(router, newcomer),
        "prompt_ids": [] if probes is None else [prompt_id(text) for text in probes.prompts],
    }
    return replace(
        router,
        quality=quality,
        cost=_joined_cost(router, model, probes, seen, alike),
        pool=ModelPool((*router.pool, model)),
        training=replace(
            router.training,
            info={**router.training.info, "joined": [*joined_models(router), record]},
            sketches=_with_probes(router.training.sketches, probes),
        ),
    )


def _with_probes(known: NDArray[np.uint8], probes: OutcomeTable | None) -> NDArray[np.uint8]:
    """Sketches with those of the probes: their near copies must not be judged on either."""
    return known if probes is None else np.concatenate([known, sketches(probes.prompts)])


def joined_models(router: Router) -> list[dict[str, Any]]:
    """What is recorded of the models that joined after training, in the order of joining."""
    return list(router.training.info.get("joined", []))


def _column(router: Router, name: str) -> int:
    if name not in router.models:
        raise PoolError(f"model {name!r} is not in the router ({', '.join(router.models)})")
    return router.models.index(name)


def _by_column(
    router: Router, newcomer: str, benchmarks: Benchmarks
) -> list[tuple[float, dict[int, float]]]:
    found = []
    for benchmark, scores in benchmarks.items():
        known = {
            router.models.index(name): score
            for name, score in scores.items()
            if name in router.models
        }
        if newcomer not in scores or len(known) < 2:
            raise DataError(
                f"benchmark {benchmark!r} needs a score of {newcomer!r} and of at least two of the "
                f"router's models ({', '.join(router.models)})"
            )
        found.append((scores[newcomer], known))
    return found


def _joined_quality(router: Router, newcomer: Newcomer, caution: float) -> QualityModel:
    """Stage 2 with the newcomer as its last column."""
    quality = router.quality
    mean, std = newcomer.quality(task_design(quality.priors))
    level = newcomer.level - caution * float(std.mean())
    starts = np.cumsum([len(prior.mean) for prior in quality.priors])[:-1]
    cautious = np.split(np.clip(mean - caution * std, 0.0, 1.0), starts)
    # The scale of the uncertainty was learned for the others; what is not known here is known.
    wide = np.split(std / quality.std_scale, starts)
    priors = tuple(
        prior.with_model(own, own_std, float(prior.overall @ newcomer.likeness + level))
        for prior, own, own_std in zip(quality.priors, cautious, wide, strict=True)
    )
    left_over = [
        own - (prior.mean @ newcomer.likeness + level)
        for prior, own in zip(quality.priors, cautious, strict=True)
    ]
    experts = quality.experts.with_mixture(
        newcomer.likeness, level, _at_named_tasks(router, left_over)
    )
    return replace(quality, priors=priors, experts=experts)


def _at_named_tasks(router: Router, by_level: Sequence[Floats]) -> Floats:
    """Means over all levels of values [task], at the centre of each named task."""
    centres = np.ascontiguousarray(router.levels.named.centres.T)
    levels, none = router.levels.probabilities(centres)
    known = np.maximum(1.0 - none, 1e-9)
    means: Floats = np.mean(
        [probs @ values / known for probs, values in zip(levels, by_level, strict=True)], axis=0
    )
    return means


def _joined_cost(
    router: Router,
    model: Model,
    probes: OutcomeTable | None,
    seen: Probes | None,
    like: int | None,
) -> CostModel:
    weights = np.ones(len(router.models)) if like is None else np.eye(len(router.models))[like]
    if probes is None or seen is None:
        nothing = np.empty(0)
        tokens = {"input_tokens": nothing, "output_tokens": nothing, "cost_usd": nothing}
        where = np.empty((0, len(router.tasks))), nothing, nothing
    else:
        tokens = {
            name: own_column(getattr(probes, name), probes, model.model)
            for name in ("input_tokens", "output_tokens", "cost_usd")
        }
        lengths = np.array([text_bytes(text) for text in probes.prompts], dtype=np.float64)
        where = seen.levels[0], seen.none, lengths
    return router.cost.joined(
        **tokens,
        task_probs=where[0],
        none=where[1],
        lengths=where[2],
        weights=weights,
        pool=ModelPool((model,)),
    )


def _summary(router: Router, newcomer: Newcomer) -> dict[str, float]:
    """Mean quality over the named tasks, by size, with its standard deviation."""
    design = task_design(router.quality.priors[:1])
    sizes = np.array([task.size for task in router.tasks], dtype=np.float64)
    tasks = len(newcomer.deviations)
    shares = sizes / sizes.sum()
    padding = np.zeros(tasks - len(sizes))
    features = np.concatenate([shares @ design.features, padding])
    mean, std = newcomer.quality(Design(np.array([shares @ design.offset]), features[None, :]))
    return {"quality": float(mean[0]), "quality_std": float(std[0])}


def _without_joined(router: Router, name: str) -> Router:
    """The router without a model that joined it; as it is if it never had the model."""
    if name not in router.models:
        return router
    if name not in [record["model"] for record in joined_models(router)]:
        raise PoolError(
            f"the router was trained with outcomes of {name!r}; to use new ones, train again"
        )
    at = router.models.index(name)
    left = [record for record in joined_models(router) if record["model"] != name]
    return replace(
        router,
        quality=router.quality.without_model(at),
        cost=router.cost.without_model(at),
        pool=ModelPool(tuple(entry for entry in router.pool if entry.model != name)),
        training=replace(router.training, info={**router.training.info, "joined": left}),
    )
