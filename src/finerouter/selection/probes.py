"""Probe prompts for a new model: those that tell most about its quality in all tasks.

Takes a router and prompts, with outcomes of the router's models where known; gives prompts in the
order in which to ask them. Knows nothing of how they are asked (`finerouter.joining` takes what
comes of them).

The newcomer's quality is a linear law with a Gaussian prior (`quality/newcomer.py`), so what a
probe will leave unknown can be computed before it is asked. Probes are taken one after the other,
each lowering most the variance of the newcomer's quality, averaged over tasks by their size: greedy
A-optimal design (Chaloner and Verdinelli 1995, Bayesian experimental design). Prompts on which the
known models differ tell more than those that all or none get right, and every task is covered
because its deviation is unknown until it is probed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.joining.probing import Probes, known_scores
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import folded
from finerouter.quality.newcomer import (
    Design,
    Newcomer,
    Spread,
    prior_newcomer,
    probe_design,
    task_design,
    updated,
)
from finerouter.router import Router

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

# The best of very many prompts are the strangest, on which the linear law holds least
# (docs/experiments.md).
_CANDIDATES = 600


@dataclass(frozen=True)
class Probe:
    """A prompt to ask a new model.

    Attributes:
        prompt_id, prompt: as in the prompts given.
        task: the router's name of its task, None when it belongs to none.
        quality_std: what is not known of the newcomer's quality in a task after this probe and all
            before it: standard deviation, root mean square over tasks by their size.
    """

    prompt_id: str
    prompt: str
    task: str | None
    quality_std: float


def choose_probes(
    router: Router,
    prompts: OutcomeTable,
    *,
    count: int = 50,
    asked: OutcomeTable | None = None,
    seed: int = 0,
) -> list[Probe]:
    """Choose probe prompts for a new model, the most telling first.

    Args:
        router: that the model is to join.
        prompts: to choose from; outcomes of the router's models are used where known.
        count: how many; fewer come when there are no more prompts.
        asked: probes that the newcomer has answered already: they are not chosen again.
        seed: draws the prompts that are compared, where there are very many.

    Raises:
        DataError: nothing to choose from, or a count below one.
    """
    if count < 1:
        raise DataError(f"count must be at least 1, not {count}")
    before = {folded(text) for text in asked.prompts} if asked is not None else set()
    left = _different(prompts, before)
    if not len(left):
        raise DataError("no prompts are left to probe with; give others")
    drawn = np.random.default_rng(seed).permutation(left)[: max(_CANDIDATES, 2 * count)]
    candidates = prompts.rows(np.sort(drawn))
    newcomer = _unknown(router)
    if asked is not None and len(asked):
        _, design = _seen(router, asked)
        newcomer = updated(newcomer, design, design.offset, design.noise)
    seen, design = _seen(router, candidates)
    order, std = greedy_probes(newcomer, design, _goal(router, newcomer), count)
    return [
        Probe(
            candidates.prompt_ids[at],
            candidates.prompts[at],
            _task_name(router, seen, at),
            float(left_std),
        )
        for at, left_std in zip(order, std, strict=True)
    ]


def greedy_probes(
    newcomer: Newcomer, design: Design, goal: Floats, count: int
) -> tuple[list[int], list[float]]:
    """Rows of a design in the order in which they lower the variance of a goal most.

    Args:
        newcomer: what is known before.
        design: of the candidates.
        goal: [goal, models + 1 + tasks]; the sum of the variances of goal @ (weights, level,
            deviations) is lowered.
        count: at most so many.

    Returns:
        Positions, and after each the square root of the summed variance left.
    """
    features, noise = design.features, design.noise
    reach = features @ newcomer.covariance  # [candidate, parameter]
    to_goal = reach @ goal.T  # [candidate, goal]
    own = np.einsum("ij,ij->i", reach, features)
    left = float(np.einsum("ij,jk,ik->", goal, newcomer.covariance, goal))
    order: list[int] = []
    std: list[float] = []
    for _ in range(min(count, len(features))):
        gain = np.square(to_goal).sum(axis=1) / (noise + own)
        gain[order] = -1.0
        best = int(gain.argmax())
        order.append(best)
        left = max(left - float(gain[best]), 0.0)
        std.append(float(np.sqrt(left)))
        # Conditioning on one row is a rank-one step for every product kept.
        with_best = reach @ features[best] / (noise[best] + own[best])
        own = own - np.square(reach @ features[best]) / (noise[best] + own[best])
        to_goal = to_goal - np.outer(with_best, to_goal[best])
        reach = reach - np.outer(with_best, reach[best])
    return order, std


def _different(prompts: OutcomeTable, before: set[str]) -> Index:
    """The first of each text that was not asked before."""
    first: dict[str, int] = {}
    for at, text in enumerate(prompts.prompts):
        if text.strip() and folded(text) not in before:
            first.setdefault(folded(text), at)
    return np.array(list(first.values()), dtype=np.int64)


def _unknown(router: Router) -> Newcomer:
    return prior_newcomer(
        Spread.learn(router.quality.priors[0]),
        models=len(router.models),
        tasks=sum(len(prior.mean) for prior in router.quality.priors),
    )


def _seen(router: Router, prompts: OutcomeTable) -> tuple[Probes, Design]:
    seen = Probes.of(router, prompts.prompts)
    return seen, probe_design(seen.quality, known_scores(router, prompts), seen.tasks)


def _goal(router: Router, newcomer: Newcomer) -> Floats:
    """Quality in each named task, weighted so that the summed variance is the mean over prompts."""
    named = task_design(router.quality.priors[:1]).features
    sizes = np.array([task.size for task in router.tasks], dtype=np.float64)
    padding = np.zeros((len(named), len(newcomer.mean) - named.shape[1]))
    goal: Floats = np.hstack([named, padding]) * np.sqrt(sizes / sizes.sum())[:, None]
    return goal


def _task_name(router: Router, seen: Probes, at: int) -> str | None:
    probs = seen.levels[0][at]
    best = int(probs.argmax())
    return router.task_names[best] if probs[best] >= seen.none[at] else None
