"""Names that a person understands, from the words that set a task's prompts apart.

Takes texts and labels; gives terms, a name and exemplars per task. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]

_WORD = re.compile(r"[^\W\d_]{3,}|[\u4e00-\u9fff]{2}")
_SCANNED_PROMPTS = 400  # a task; its terms do not change with more
_SCANNED_CHARS = 4_000
_TERMS = 8
_LEAST_SHARE = 0.08
_TERMS_IN_NAME = 3
_EXEMPLAR_CHARS = 300


def distinctive_terms(texts: Sequence[str], labels: Labels) -> list[tuple[str, ...]]:
    """The terms that tell each task from the others, most distinctive first.

    Class-based TF-IDF (Grootendorst 2022, arXiv 2203.05794): share of the task's prompts that
    hold the term, times log(1 + mean words a task / frequency over all tasks), times the square
    root of the share of its uses that are here. A term counts once a prompt, so that one long
    prompt does not name its task.
    """
    counts = [_term_counts(texts, np.flatnonzero(labels == task)) for task in _tasks(labels)]
    overall: Counter[str] = Counter()
    for counter, _ in counts:
        overall.update(counter)
    mean_terms = sum(overall.values()) / len(counts)
    return [_top_terms(counter, seen, overall, mean_terms) for counter, seen in counts]


def _tasks(labels: Labels) -> range:
    return range(int(labels.max()) + 1)


def _term_counts(texts: Sequence[str], members: Labels) -> tuple[Counter[str], int]:
    step = max(1, len(members) // _SCANNED_PROMPTS)
    scanned = members[::step][:_SCANNED_PROMPTS]
    counter: Counter[str] = Counter()
    for at in scanned:
        counter.update(set(_WORD.findall(texts[at][:_SCANNED_CHARS].lower())))
    return counter, len(scanned)


def _top_terms(
    counter: Counter[str], seen: int, overall: Counter[str], mean_terms: float
) -> tuple[str, ...]:
    # What few of the task's prompts hold is no name for it, and a single prompt's is chance.
    floor = max(_LEAST_SHARE * seen, 2 if seen >= 10 else 1)
    weight = {
        term: count / seen * log1p(mean_terms / overall[term]) * (count / overall[term]) ** 0.5
        for term, count in counter.items()
        if count >= floor
    }
    ranked = sorted(weight, key=lambda term: (-weight[term], term))
    return tuple(ranked[:_TERMS])


def names_from_terms(terms: Sequence[Sequence[str]], *, given: Sequence[str] = ()) -> list[str]:
    """A unique name per task: its first terms, numbered where they would be the same.

    Args:
        terms: of every task.
        given: names of the first tasks, which stay.
    """
    names = list(given)
    for task, words in enumerate(terms[len(names) :], start=len(names)):
        name = " ".join(words[:_TERMS_IN_NAME]) or f"task {task + 1}"
        names.append(name if name not in names else f"{name} ({task + 1})")
    return names


def exemplars(
    texts: Sequence[str], rows: NDArray[np.float32], labels: Labels, *, each: int = 3
) -> list[tuple[str, ...]]:
    """The prompts nearest to each task's centre, cut to 300 characters."""
    chosen = []
    for task in _tasks(labels):
        members = np.flatnonzero(labels == task)
        centre = rows[members].mean(axis=0)
        nearest = members[np.argsort(-(rows[members] @ centre), kind="stable")[:each]]
        chosen.append(tuple(shortened(texts[at]) for at in nearest))
    return chosen


def shortened(text: str, limit: int = _EXEMPLAR_CHARS) -> str:
    """The text on one line, cut to `limit` characters with an ellipsis."""
    # JSON can carry lone surrogates, files cannot.
    line = " ".join(text.encode("utf-8", "ignore").decode("utf-8").split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
