"""What to know before believing an evaluation, in plain words.

Takes what was judged and what was left out; gives sentences, the gravest first. Knows nothing of
how they are shown.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.judging import LEAST_PROMPTS, Judged
from finerouter.evaluation.seen import Unseen
from finerouter.frontier import best_at
from finerouter.outcomes import OutcomeTable
from finerouter.policy import Estimate

_FEW = 200


def notes(given: OutcomeTable, unseen: Unseen, judged: Judged) -> tuple[str, ...]:
    """All that applies."""
    return (
        *_about_seen(unseen),
        *_about_models(given, judged.outcomes),
        *about_scores(judged),
        *about_costs(judged),
        *_about_benchmarks(unseen, judged),
    )


def _about_seen(unseen: Unseen) -> Iterator[str]:
    if unseen.seen:
        verbs = ("was", "repeats") if unseen.seen == 1 else ("were", "repeat")
        yield (
            f"{unseen.seen} of these prompts {verbs[0]} trained on or nearly {verbs[1]} a training "
            "prompt: the figures flatter the router"
        )
    if not unseen.near_known:
        yield (
            "the router was trained by a version that kept no sketches of its prompts: training "
            "prompts were left out by their exact text alone, near-duplicates were not"
        )


def _about_models(given: OutcomeTable, judged: OutcomeTable) -> Iterator[str]:
    others = [name for name in given.models if name not in judged.models]
    if others:
        yield f"the router does not know {_listed(others)}; their outcomes were not looked at"


def about_scores(judged: Judged) -> Iterator[str]:
    """Few prompts, equal scores, missing outcomes."""
    score = judged.outcomes.score
    if len(judged) < _FEW:
        yield f"only {len(judged)} prompts: intervals are rough, and a little too narrow"
    if np.nanmin(score) == np.nanmax(score):
        yield f"every score is {np.nanmin(score):g}: no way of choosing can be told from another"
    missing = float(np.isnan(score).mean())
    if missing:
        yield (
            f"{missing:.1%} of the outcomes are missing: on each prompt the router may choose only "
            "models that have one, and always asking one model is judged on the prompts that have "
            "its outcome"
        )
    replaced = float((_free_choice(judged.estimate) != judged.chosen).mean())
    if replaced:
        yield (
            f"on {replaced:.1%} of the prompts the model that the router thinks best has no "
            "outcome, and another stands in: so far the figures are not the router's"
        )
    few = (~np.isnan(score)).sum(axis=0) < LEAST_PROMPTS
    if few.any():
        names = np.array(judged.outcomes.models)[few].tolist()
        yield f"fewer than {LEAST_PROMPTS} outcomes of {_listed(names)}: do not trust its intervals"


def _free_choice(estimate: Estimate) -> NDArray[np.int64]:
    """What the router would choose at cost weight 0 of all models, [prompt]."""
    every = np.ones(estimate.quality.shape, dtype=bool)
    return best_at(estimate.quality, estimate.cost_usd, every, 0.0)


def about_costs(judged: Judged) -> Iterator[str]:
    """Unknown and zero costs."""
    realised, means = judged.costs.usd, judged.costs.means
    models = np.array(judged.outcomes.models)
    if not judged.costs_known:
        yield _no_costs(models[np.isnan(means)].tolist())
        return
    blind = models[np.isnan(judged.estimate.cost_usd).any(axis=0)].tolist()
    if blind:
        yield (
            f"the router does not know what to expect {_listed(blind)} to cost, so it chooses "
            "others wherever cost counts; give prices to the router (--pool when training)"
        )
    gaps = float((np.isnan(realised) & ~np.isnan(judged.outcomes.score)).mean())
    if gaps:
        yield f"the cost of {gaps:.1%} of the outcomes is unknown; the model's mean stands in"
    free = models[means == 0].tolist()
    if free:
        yield f"{_listed(free)} cost nothing, by the data; check the prices if they should not"
    if means[judged.best_single] == 0:
        yield "the best single model costs nothing, so nothing can be saved against it"


def _no_costs(unknown: list[str]) -> str:
    if not unknown:
        return (
            "costs are known in some splits only, so there are no figures of cost of all splits "
            "together; give prices (a pool.toml beside the data) or a cost_usd column"
        )
    return (
        f"no cost is known of {_listed(unknown)}, so there are no figures of cost; give prices "
        "(a pool.toml beside the data) or a cost_usd column"
    )


def about_best_models(judged: Judged) -> Iterator[str]:
    """Benchmarks whose best model was chosen on held-out prompts."""
    names = () if judged.per_benchmark is None else judged.per_benchmark.on_held_out
    if names:
        yield (
            f"fewer than {LEAST_PROMPTS} scored training prompts of {_listed(list(names))} in the "
            "data: the best model there was chosen on the other held-out prompts"
        )


def _about_benchmarks(unseen: Unseen, judged: Judged) -> Iterator[str]:
    if judged.outcomes.benchmarks is None:
        yield "the data names no benchmarks: there is no best model per benchmark to compare with"
        return
    if unseen.training is None:
        yield (
            "the data holds none of the router's training prompts: the best model of each "
            "benchmark was chosen on the other held-out prompts"
        )
    else:
        yield from about_best_models(judged)
    names, counts = np.unique(np.array(judged.outcomes.benchmarks), return_counts=True)
    small = names[counts < LEAST_PROMPTS].tolist()
    if small:
        yield f"fewer than {LEAST_PROMPTS} prompts of {_listed(small)}: no interval there"


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
