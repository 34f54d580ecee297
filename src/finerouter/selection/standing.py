"""How the models stand in each group of prompts, and what more outcomes would be worth.

Takes scores [prompt, model] with gaps, groups and expected costs; gives the expected gain of more
outcomes per group and model. Knows nothing of single prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import hull
from finerouter.quality.prior import TaskPrior

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_WEIGHTS = 12
_LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known of every model in every group.

    Attributes:
        share: [group], share of all prompts.
        quality, variance: [group, model], posterior mean and variance.
        noise: [group, model], variance of one more score.
        cost_usd: [group, model], expected cost of a call; zero where unknown.
        weights: [weight], cost weights at which models are compared.
    """

    share: Floats
    quality: Floats
    variance: Floats
    noise: Floats
    cost_usd: Floats
    weights: Floats

    @classmethod
    def of(cls, score: Floats, member: Floats, cost_usd: Floats) -> Standing:
        """Estimate from outcomes so far.

        Args:
            score: [prompt, model], NaN where missing; every model has an outcome.
            member: [prompt, group], one in each row.
            cost_usd: expected costs [prompt, model], NaN where unknown.
        """
        prior = TaskPrior.fit(score, member)
        size = member.sum(axis=0)
        cost = member.T @ np.nan_to_num(cost_usd) / np.maximum(size, 1)[:, None]
        chance = np.clip(prior.mean, _LEAST_SHARE, 1 - _LEAST_SHARE)
        share = size / size.sum()
        return cls(
            share=share,
            quality=prior.mean,
            variance=np.square(prior.std),
            noise=chance * (1 - chance),
            cost_usd=cost,
            weights=_cost_weights(share @ cost, share @ prior.mean),
        )

    def gains(self, number: int) -> Floats:
        """Expected gain of mean routed quality by `number` more outcomes, [group, model].

        Summed over the models that a better knowledge decides against, averaged over cost weights.
        """
        variance = self.variance
        after = variance * self.noise / (self.noise + number * variance)
        utility = self.quality - self.weights[:, None, None] * self.cost_usd
        best = utility.argmax(axis=2)[:, :, None]  # [weight, group, 1]
        behind = np.take_along_axis(utility, best, 2) - utility
        leading = _of_best(variance, best)
        before = improvement(behind, np.sqrt(variance + leading))
        gain = before - improvement(behind, np.sqrt(after + leading))
        # Knowing the leader better decides against all others; each of them counts.
        known = before - improvement(behind, np.sqrt(variance + _of_best(after, best)))
        others = np.arange(variance.shape[1]) != best
        gain = np.where(others, gain, (known * others).sum(axis=2, keepdims=True))
        total: Floats = self.share[:, None] * gain.mean(axis=0)
        return total


def improvement(behind: Floats, std: Floats) -> Floats:
    """Expected improvement E[max(0, X)] of X normal with mean -behind and this deviation.

    Jones, Schonlau, Welch, "Efficient global optimization of expensive black-box functions",
    Journal of Global Optimization 13, 1998, equation 15.
    """
    ratio = behind / np.maximum(std, 1e-12)
    density = np.exp(-0.5 * np.square(ratio)) / np.sqrt(2 * np.pi)
    gain: Floats = std * density - behind * _upper_tail(ratio)
    return np.maximum(gain, 0.0)


def _upper_tail(ratio: Floats) -> Floats:
    """1 - Phi(ratio), by the logistic approximation of Bowling et al. 2009 (error below 2e-4)."""
    return 1.0 / (1.0 + np.exp(np.clip(1.5976 * ratio + 0.07056 * ratio**3, -60.0, 60.0)))


def _of_best(variance: Floats, best: Counts) -> Floats:
    every = np.broadcast_to(variance, (len(best), *variance.shape))
    return np.take_along_axis(every, best, 2)


def _cost_weights(cost_usd: Floats, quality: Floats) -> Floats:
    """Weights that matter: those at which single models change places, and some beyond.

    Args:
        cost_usd, quality: [model], over all prompts.
    """
    cost, height = hull(cost_usd, quality)
    slopes = np.diff(height) / np.maximum(np.diff(cost), 1e-30)
    slopes = slopes[slopes > 0]
    if not len(slopes):
        return np.zeros(1)
    return np.concatenate([[0.0], np.geomspace(slopes.min() / 8, slopes.max(), _WEIGHTS - 1)])
