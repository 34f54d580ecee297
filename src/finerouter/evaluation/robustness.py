"""Does a decision hold when only the wording's surface changes?

Takes a router and what was judged; gives a flip rate per perturbation and dial. The perturbations
leave the meaning alone and need no model: case, white space, typing mistakes, a system prompt
before, boilerplate behind. Knows nothing of answers: the outcomes are those of the prompts as
recorded.

RouterArena (arXiv 2510.00202) calls 1 - flips its robustness score, over its own rewordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from finerouter.evaluation.intervals import tallies
from finerouter.evaluation.judging import Judged, estimate_rows
from finerouter.evaluation.resampled import interval, known, task_labels
from finerouter.evaluation.result import FlipRate
from finerouter.frontier import best_at
from finerouter.policy import Estimate
from finerouter.router import Router

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
MOST_PROMPTS = 2_000
_TYPO_EVERY = 20
_SYSTEM = "You are a helpful assistant. Answer the user's question accurately and concisely.\n\n"
_BOILERPLATE = "\n\nThank you very much in advance. Please let me know if anything is unclear."
_SWAPPABLE = re.compile(r"[^\W\d_]{4,}")


def _upper(text: str, random: Generator) -> str:  # noqa: ARG001 (one signature for all)
    return text.upper()


def _lower(text: str, random: Generator) -> str:  # noqa: ARG001
    return text.lower()


def _space(text: str, random: Generator) -> str:  # noqa: ARG001
    return "\n " + text.replace(" ", "  ") + " \n"


def _typos(text: str, random: Generator) -> str:
    """Two neighbouring letters swapped in one of twenty longer words, at least in one."""
    words = list(_SWAPPABLE.finditer(text))
    if not words:
        return text
    count = max(1, len(words) // _TYPO_EVERY)
    letters = list(text)
    for at in random.choice(len(words), size=count, replace=False).tolist():
        spot = words[at].start() + int(random.integers(1, len(words[at].group()) - 2))
        letters[spot], letters[spot + 1] = letters[spot + 1], letters[spot]
    return "".join(letters)


def _system(text: str, random: Generator) -> str:  # noqa: ARG001
    return _SYSTEM + text


def _boilerplate(text: str, random: Generator) -> str:  # noqa: ARG001
    return text + _BOILERPLATE


PERTURBATIONS: Mapping[str, Callable[[str, Generator], str]] = {
    "upper case": _upper,
    "lower case": _lower,
    "white space": _space,
    "typing mistakes": _typos,
    "system prompt before": _system,
    "boilerplate behind": _boilerplate,
}


def flip_rates(
    router: Router, judged: Judged, *, balanced: float, resamples: int, seed: int
) -> tuple[FlipRate, ...]:
    """A rate per perturbation at cost weight 0, and at the balanced one where that differs.

    Decisions are among all models, also those without an outcome on the prompt: what a router
    would do does not hang on what was recorded.
    """
    random = np.random.default_rng([seed, 11])
    drawn = np.sort(random.permutation(len(judged))[:MOST_PROMPTS])
    outcomes, as_is = judged.outcomes.rows(drawn), estimate_rows(judged.estimate, drawn)
    weights = (0.0, balanced) if balanced > 0 else (0.0,)
    found: list[tuple[str, float, float]] = []
    columns: list[Floats] = []
    for name, perturb in PERTURBATIONS.items():
        estimate = router.estimate([perturb(text, random) for text in outcomes.prompts])
        moved = float((task_labels(as_is) != task_labels(estimate)).mean())
        for weight in weights:
            before, after = (_chosen(one, weight) for one in (as_is, estimate))
            found.append((name, weight, moved))
            columns += _changes(outcomes.score, before, after)
    everyone = np.zeros(len(drawn), dtype=np.int64)
    (tally,) = tallies([(np.stack(columns, axis=1), everyone)], resamples=resamples, seed=seed)
    return tuple(
        _rate(*about, tally.means[:, 3 * at : 3 * at + 3]) for at, about in enumerate(found)
    )


def _chosen(estimate: Estimate, weight: float) -> Labels:
    everyone = np.ones(estimate.quality.shape, dtype=bool)
    return best_at(estimate.quality, estimate.cost_usd, everyone, weight)


def _changes(score: Floats, before: Labels, after: Labels) -> tuple[Floats, Floats, Floats]:
    """Which prompts got another model, the change of their score where known, and where: [prompt].

    Where the model stays there is no change to know.
    """
    rows = np.arange(len(score))
    flips = before != after
    change = np.where(flips, score[rows, after] - score[rows, before], 0.0)
    seen = flips & ~np.isnan(change)
    return flips.astype(np.float64), np.where(seen, change, 0.0), seen.astype(np.float64)


def _rate(name: str, weight: float, moved: float, means: Floats) -> FlipRate:
    """From means of the three columns of `_changes`, [draw, 3].

    The change of the flips that have both outcomes stands for all flips.
    """
    flips, change, seen = means.T
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(flips > 0, change * (flips / seen), 0.0)
    return FlipRate(name, weight, interval(flips), known(change), moved)
