"""What a method would choose, from "only quality counts" to "only cost counts".

Takes what a fitted method knows of prompts; gives a utility [prompt, model] at each step of its
dial, and the outcomes of choosing by it. Methods differ in how cost enters: most weigh it against
quality, IPR asks for the cheapest within a tolerance, Avengers-Pro ranks anew at each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import cheapest_argmax, cost_weights
from finerouter.gaps import with_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
# So far below any utility that a model out of tolerance is taken only if no other was asked.
_BEYOND = 1e6


class Preference(Protocol):
    """What a method prefers on some prompts.

    Attributes:
        cost_usd: [prompt, model], expected; among equals the cheaper is taken.
    """

    @property
    def cost_usd(self) -> Floats:
        """Expected cost [prompt, model], NaN where unknown."""
        ...

    def utilities(self) -> Iterator[Floats]:
        """Utility [prompt, model] at each step of the dial, quality alone first."""
        ...

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The preference on all prompts of the parts, one after the other."""
        ...


@dataclass(frozen=True, eq=False)
class Estimates:
    """Quality less cost weight times cost: how RouterBench, CARROT and finerouter decide.

    Attributes:
        quality: [prompt, model]; need not be on the scale of scores, as long as more is better.
        cost_usd: [prompt, model]; an unknown cost (NaN) counts as the dearest.
    """

    quality: Floats
    cost_usd: Floats

    def utilities(self) -> Iterator[Floats]:
        """At every cost weight, from none to only cost."""
        cost = _dear_where_unknown(self.cost_usd)
        for weight in cost_weights(self.cost_usd):
            yield self.quality - weight * cost

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """See `Preference`."""
        return cls(
            np.concatenate([part.quality for part in parts]),
            np.concatenate([part.cost_usd for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Tolerance:
    """The cheapest model whose quality is within a tolerance of the best (IPR).

    Attributes:
        quality, cost_usd: [prompt, model].
        tolerances: shares of the way from the best quality of a prompt down to the worst.
    """

    quality: Floats
    cost_usd: Floats
    tolerances: Floats

    def utilities(self) -> Iterator[Floats]:
        """At every tolerance: minus cost within it, far below beyond it."""
        cost = _dear_where_unknown(self.cost_usd)
        unit = max(float(cost.max(initial=0.0)), 1e-300)
        best = self.quality.max(axis=1, keepdims=True)
        span = best - self.quality.min(axis=1, keepdims=True)
        yield self.quality
        for tolerance in self.tolerances:
            within = self.quality >= best - tolerance * span
            yield np.where(within, -cost / unit, self.quality - _BEYOND)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """See `Preference`."""
        return cls(
            np.concatenate([part.quality for part in parts]),
            np.concatenate([part.cost_usd for part in parts]),
            parts[0].tolerances,
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """One score per step of the dial, made by the method itself (Avengers-Pro).

    Attributes:
        score: [step, prompt, model], quality alone first.
        cost_usd: [prompt, model].
    """

    score: Floats
    cost_usd: Floats

    def utilities(self) -> Iterator[Floats]:
        """The scores, one step after the other."""
        yield from self.score

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """See `Preference`."""
        return cls(
            np.concatenate([part.score for part in parts], axis=1),
            np.concatenate([part.cost_usd for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Chosen:
    """Outcomes of the models chosen.

    Attributes:
        score: [prompt, step].
        cost_usd: [prompt, step]; for an unknown cost as in `frontier.quality_cost_curve`.
    """

    score: Floats
    cost_usd: Floats


def outcomes_of(preference: Preference, outcomes: OutcomeTable) -> Chosen:
    """Choose on every prompt at every step of the dial, and look up what that brought.

    A model without an outcome on a prompt is not chosen there; prompts on which no model was
    asked are left out.
    """
    observed = ~np.isnan(outcomes.score)
    rows = np.flatnonzero(observed.any(axis=1))
    realised, cost = with_means(outcomes.realised_cost_usd), preference.cost_usd
    scores, costs = [], []
    for utility in preference.utilities():
        open_to_choice = np.where(observed[rows], utility[rows], -np.inf)
        chosen = cheapest_argmax(open_to_choice, cost[rows])
        scores.append(outcomes.score[rows, chosen])
        costs.append(realised[rows, chosen])
    return Chosen(np.stack(scores, axis=1), np.stack(costs, axis=1))


def _dear_where_unknown(cost: Floats) -> Floats:
    """Costs with the dearest known one in gaps: an unknown cost is not zero."""
    known = cost[~np.isnan(cost)]
    return np.where(np.isnan(cost), known.max(initial=0.0), cost)
