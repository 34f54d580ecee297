"""Expected cost of a call: token prices times predicted tokens.

Takes task probabilities and the prompts' lengths in bytes; gives expected tokens and USD
[prompt, model]. Prices come in only when a cost is asked for, so a price may change without
training. Knows nothing of quality.

Both token counts are a factor per task and model times a power of the prompt's length: input
tokens grow nearly with the bytes, output tokens much less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.pool import ModelPool

Floats = NDArray[np.float64]
_PRIOR_PROMPTS = 3.0
_LEAST_FOR_SLOPE = 10
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class LengthLaw:
    """amount[prompt, model] = factor[task, model] * (bytes / 256) ** exponent[model].

    Attributes:
        factor: [task, model]; overall: [model], for prompts without a task; NaN where unknown.
        exponent: [model], in [0, 1].
    """

    factor: Floats
    overall: Floats
    exponent: Floats

    @classmethod
    def fit(cls, amount: Floats, task_probs: Floats, lengths: Floats) -> LengthLaw:
        """Fit on observed amounts [prompt, model], NaN where unknown."""
        size = lengths / 256.0
        task = task_probs.argmax(axis=1)
        exponent = np.array([_slope(column, task, size) for column in amount.T])
        grown = size[:, None] ** exponent
        seen = ~np.isnan(amount)
        filled = np.where(seen, amount, 0.0)
        expected = np.where(seen, grown, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            overall = filled.sum(axis=0) / expected.sum(axis=0)
        ratio = (task_probs.T @ filled) / np.maximum(task_probs.T @ expected, _TINY)
        return cls(_pulled(ratio, overall, task_probs.T @ seen), overall, exponent)

    def joined(
        self, amount: Floats, task_probs: Floats, none: Floats, lengths: Floats, weights: Floats
    ) -> LengthLaw:
        """The law with one more model, which is like the known ones until its amounts say more.

        Args:
            amount: the newcomer's observed amounts [prompt], NaN where unknown; may be empty.
            task_probs: [prompt, task].
            none: [prompt].
            lengths: [prompt], UTF-8 bytes.
            weights: how much each known model counts, [model], none negative.
        """
        known = np.where(np.isfinite(self.overall) & (self.overall > 0), weights, 0.0)
        alike = LengthLaw(
            _log_mean(self.factor, known)[:, None],
            _log_mean(self.overall[None, :], known),
            np.array([known @ self.exponent / max(known.sum(), _TINY)]),
        )
        seen = ~np.isnan(amount)
        if seen.any():
            alike = _fitted_to(
                alike, amount[seen, None], task_probs[seen], none[seen], lengths[seen]
            )
        return LengthLaw(
            np.hstack([self.factor, alike.factor]),
            np.append(self.overall, alike.overall),
            np.append(self.exponent, alike.exponent),
        )

    def with_unknown(self) -> LengthLaw:
        """The law with one more model, of which nothing is known."""
        return LengthLaw(
            np.hstack([self.factor, np.full((len(self.factor), 1), np.nan)]),
            np.append(self.overall, np.nan),
            np.append(self.exponent, 0.0),
        )

    def without_model(self, column: int) -> LengthLaw:
        """The law without one model."""
        return LengthLaw(
            np.delete(self.factor, column, axis=1),
            np.delete(self.overall, column),
            np.delete(self.exponent, column),
        )

    def predict(self, task_probs: Floats, none: Floats, lengths: Floats) -> Floats:
        """Expected amounts [prompt, model]."""
        factor = task_probs @ self.factor + none[:, None] * self.overall
        grown: Floats = factor * (lengths[:, None] / 256.0) ** self.exponent
        return grown


@dataclass(frozen=True, eq=False)
class CostModel:
    """Predicted tokens per model, or recorded cost where tokens were never recorded.

    Attributes:
        input_tokens, output_tokens: laws, NaN for models without recorded tokens.
        call_usd: law of the recorded cost, used where tokens or prices are unknown.
        billing: [model], recorded cost / (recorded tokens * price): discounts and surcharges
            that the prices do not tell. One where nothing was recorded.
    """

    input_tokens: LengthLaw
    output_tokens: LengthLaw
    call_usd: LengthLaw
    billing: Floats

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Whether recorded costs say what a call costs where prices do not, [model]."""
        return ~np.isnan(self.call_usd.overall)

    @classmethod
    def fit(
        cls,
        *,
        input_tokens: Floats,
        output_tokens: Floats,
        cost_usd: Floats,
        task_probs: Floats,
        lengths: Floats,
        pool: ModelPool,
    ) -> CostModel:
        """Fit on outcomes [prompt, model], NaN where unknown.

        Args:
            input_tokens: as recorded.
            output_tokens: as recorded, reasoning tokens included.
            cost_usd: as recorded.
            task_probs: [prompt, task], out of fold.
            lengths: [prompt], UTF-8 bytes.
            pool: prices at which the costs were recorded.
        """
        price_in, price_out = pool.usd_per_mtok
        return cls(
            input_tokens=LengthLaw.fit(input_tokens, task_probs, lengths),
            output_tokens=LengthLaw.fit(output_tokens, task_probs, lengths),
            call_usd=LengthLaw.fit(cost_usd, task_probs, lengths),
            billing=_billing(input_tokens, output_tokens, cost_usd, price_in, price_out),
        )

    def joined(
        self,
        *,
        input_tokens: Floats,
        output_tokens: Floats,
        cost_usd: Floats,
        task_probs: Floats,
        none: Floats,
        lengths: Floats,
        weights: Floats,
        pool: ModelPool,
    ) -> CostModel:
        """The same with one more model, from the few calls of it that were seen.

        How many tokens it takes is guessed from the known models. What a call costs is not: without
        prices and without a recorded cost it stays unknown.

        Args:
            input_tokens, output_tokens, cost_usd: of those calls, [prompt], NaN where unknown.
            task_probs: [prompt, task].
            none: [prompt].
            lengths: [prompt], UTF-8 bytes.
            weights: how much each known model counts before anything is seen, [model].
            pool: of the newcomer alone, at the prices of those calls.
        """
        where = task_probs, none, lengths, weights
        price_in, price_out = pool.usd_per_mtok
        return CostModel(
            input_tokens=self.input_tokens.joined(input_tokens, *where),
            output_tokens=self.output_tokens.joined(output_tokens, *where),
            call_usd=(
                self.call_usd.with_unknown()
                if np.isnan(cost_usd).all()
                else self.call_usd.joined(cost_usd, *where)
            ),
            billing=np.append(
                self.billing, _billing(input_tokens, output_tokens, cost_usd, price_in, price_out)
            ),
        )

    def estimate(
        self, task_probs: Floats, none: Floats, lengths: Floats, pool: ModelPool
    ) -> tuple[Floats, Floats]:
        """Expected USD and tokens of a call, both [prompt, model].

        Args:
            task_probs: [prompt, task], adding up to 1 - none.
            none: [prompt].
            lengths: [prompt], UTF-8 bytes.
            pool: today's prices.

        Returns:
            USD, NaN where neither prices and tokens nor a cost is known; tokens of prompt and
            answer together, at least a quarter of the bytes.
        """
        price_in, price_out = pool.usd_per_mtok
        # A prompt far longer than any seen still has its tokens: no law may promise fewer than a
        # sixth of the bytes.
        tokens_in = np.maximum(
            self.input_tokens.predict(task_probs, none, lengths), lengths[:, None] / 6.0
        )
        tokens_out = self.output_tokens.predict(task_probs, none, lengths)
        usd = self.billing * (tokens_in * price_in + tokens_out * price_out) / 1e6
        unknown = np.isnan(usd)
        if unknown.any():
            recorded = self.call_usd.predict(task_probs, none, lengths)
            usd = np.where(unknown, recorded, usd)
        # For the context window a quarter of the bytes, if that is more: better a window too wide.
        tokens_in = np.fmax(tokens_in, lengths[:, None] / 4.0)
        return usd, tokens_in + np.where(np.isnan(tokens_out), 0.0, tokens_out)

    def without_model(self, column: int) -> CostModel:
        """The same without one model."""
        return CostModel(
            self.input_tokens.without_model(column),
            self.output_tokens.without_model(column),
            self.call_usd.without_model(column),
            np.delete(self.billing, column),
        )

    def to_tensors(self) -> dict[str, Floats]:
        """The fitted arrays, by name."""
        parts = {"billing": self.billing}
        for name in ("input_tokens", "output_tokens", "call_usd"):
            law: LengthLaw = getattr(self, name)
            parts[f"{name}.factor"] = law.factor
            parts[f"{name}.overall"] = law.overall
            parts[f"{name}.exponent"] = law.exponent
        return parts

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> CostModel:
        """Rebuild from what `to_tensors` gave."""

        def law(name: str) -> LengthLaw:
            return LengthLaw(
                tensors[f"{name}.factor"], tensors[f"{name}.overall"], tensors[f"{name}.exponent"]
            )

        return cls(law("input_tokens"), law("output_tokens"), law("call_usd"), tensors["billing"])


def _billing(
    input_tokens: Floats,
    output_tokens: Floats,
    cost_usd: Floats,
    price_in: Floats,
    price_out: Floats,
) -> Floats:
    """Recorded cost over what the prices say; one where either is unknown."""
    priced = (input_tokens * price_in + output_tokens * price_out) / 1e6
    both = ~np.isnan(priced) & ~np.isnan(cost_usd)
    charged = np.where(both, cost_usd, 0.0).sum(axis=0)
    listed = np.where(both, priced, 0.0).sum(axis=0)
    return np.where((charged > 0) & (listed > 0), charged / np.maximum(listed, _TINY), 1.0)


def _log_mean(values: Floats, weights: Floats) -> Floats:
    """Weighted geometric mean of each row, [row]; NaN where no model counts."""
    if not weights.sum() > 0:
        return np.full(len(values), np.nan)
    used = weights > 0
    logs = np.log(np.maximum(values[:, used], _TINY))
    mean: Floats = np.exp(logs @ weights[used] / weights[used].sum())
    return mean


def _fitted_to(
    law: LengthLaw, amount: Floats, task_probs: Floats, none: Floats, lengths: Floats
) -> LengthLaw:
    """The law of one model, scaled to observed amounts [prompt, 1], over all and in each task."""
    expected = law.predict(task_probs, none, lengths)
    if not expected.sum() > 0:
        return LengthLaw.fit(amount, task_probs, lengths)
    seen = np.array([len(amount)], dtype=np.float64)
    overall = _pulled(amount.sum(axis=0) / expected.sum(axis=0), np.ones(1), seen)
    within = (task_probs.T @ amount) / np.maximum(task_probs.T @ expected, _TINY)
    ratio = _pulled(within, overall, task_probs.sum(axis=0)[:, None])
    return LengthLaw(law.factor * ratio, law.overall * overall, law.exponent)


def _pulled(ratio: Floats, overall: Floats, weight: Floats) -> Floats:
    """Ratios [task, model] pulled to the overall ones with a few prompts' worth of evidence.

    On a logarithmic scale: answers of one task are often ten times longer than another's, and a
    mean of such numbers would always side with the longer. A ratio of zero stays zero.
    """
    share = weight / (weight + _PRIOR_PROMPTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        pulled = np.exp(share * np.log(ratio) + (1 - share) * np.log(overall))
    return np.where(weight < _TINY, overall, np.where(ratio > 0, pulled, ratio * overall))


def _slope(amount: Floats, task: NDArray[np.int64], size: Floats) -> float:
    """Exponent of the prompt's length, from variation within tasks, in [0, 1]."""
    used = ~np.isnan(amount) & (np.nan_to_num(amount) > 0)
    if used.sum() < _LEAST_FOR_SLOPE:
        return 0.0
    x = _within(np.log(size[used]), task[used])
    y = _within(np.log(amount[used]), task[used])
    # One prompt's worth of spread as a prior for "length does not matter".
    return float(np.clip(x @ y / (x @ x + 1.0), 0.0, 1.0))


def _within(values: Floats, group: NDArray[np.int64]) -> Floats:
    count = np.bincount(group)
    means = np.bincount(group, weights=values) / np.maximum(count, 1)
    deviations: Floats = values - means[group]
    return deviations
