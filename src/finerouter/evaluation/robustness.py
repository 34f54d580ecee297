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

from finerouter.evaluation.intervals import Interval, resampled_means
from finerouter.evaluation.judging import Judged, choose_at, estimate_rows
from finerouter.evaluation.resampled import task_labels
from finerouter.evaluation.result import FlipRate
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
    """A rate per perturbation at cost weight 0, and at the balanced one where that differs."""
    random = np.random.default_rng([seed, 11])
    drawn = np.sort(random.permutation(len(judged))[:MOST_PROMPTS])
    outcomes, known = judged.outcomes.rows(drawn), estimate_rows(judged.estimate, drawn)
    weights = (0.0, balanced) if balanced > 0 else (0.0,)
    found: list[tuple[str, float, float]] = []
    columns: list[Floats] = []
    for name, perturb in PERTURBATIONS.items():
        estimate = router.estimate([perturb(text, random) for text in outcomes.prompts])
        moved = float((task_labels(known) != task_labels(estimate)).mean())
        for weight in weights:
            before, after = (choose_at(one, outcomes, weight) for one in (known, estimate))
            found.append((name, weight, moved))
            columns += _changes(outcomes.score, before, after)
    values = np.stack(columns, axis=1)
    means = np.array(list(resampled_means(values, resamples=resamples, seed=seed)))
    intervals = [
        Interval.of(float(values[:, at].mean()), means[:, at]) for at in range(values.shape[1])
    ]
    return tuple(
        FlipRate(name, weight, intervals[2 * at], intervals[2 * at + 1], moved)
        for at, (name, weight, moved) in enumerate(found)
    )


def _changes(score: Floats, before: Labels, after: Labels) -> tuple[Floats, Floats]:
    """Which prompts got another model, and the change of their score, both [prompt]."""
    rows = np.arange(len(score))
    return (before != after).astype(np.float64), score[rows, after] - score[rows, before]
