"""The whole of a fitted router as a few products: rows and lengths to everything it estimates.

Takes the fitted parts (levels, quality, cost) and a pool; gives their estimates [prompt, model],
the same to rounding as part by part. What is linear in the same thing is one matrix here: a lone
prompt costs a router less for its arithmetic than for every step it takes. Fits nothing, and knows
neither texts nor policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finerouter.cost import CostModel, LengthLaw
from finerouter.pool import ModelPool
from finerouter.quality.mixture import LEAST_STD, QualityModel
from finerouter.tasks.classifier import logistic
from finerouter.tasks.levels import TaskLevels

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_TINY = 1e-9


class Estimates(NamedTuple):
    """What is estimated of prompts; as the arrays of `finerouter.policy.Estimate`."""

    task_probs: Floats
    none: Floats
    quality: Floats
    quality_std: Floats
    cost_usd: Floats
    tokens: Floats


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """All fitted parts of a router, to be run on rows of any number."""

    tasks: TaskPass
    quality: QualityPass
    cost: CostPass
    entry: Rows
    named: Floats

    @classmethod
    def of(
        cls, levels: TaskLevels, quality: QualityModel, cost: CostModel, pool: ModelPool
    ) -> ForwardPass:
        """The pass of fitted parts, at a pool's prices."""
        kernel = quality.experts.trunk.kernel
        tasks = TaskPass.of(levels)
        return cls(
            tasks=tasks,
            quality=QualityPass.of(quality),
            cost=CostPass.of(cost, pool),
            # All that rows are multiplied with: scores, centres, landmarks.
            entry=np.hstack(
                [
                    *(part.weights * np.float32(part.temperature) for part in levels.classifiers),
                    levels.named.centres,
                    kernel.landmarks * np.float32(2.0 * kernel.sharpness),
                ]
            ),
            # All that probabilities of the named tasks are: quality, its square, tokens.
            named=np.hstack(
                [quality.priors[0].mean, quality.priors[0].moments[0], CostPass.factors(cost)]
            ),
        )

    @property
    def width(self) -> int:
        """Number of features of a row."""
        return len(self.entry)

    def __call__(self, rows: Rows, lengths: Floats) -> Estimates:
        """Estimate.

        Args:
            rows: unit feature rows [prompt, feature].
            lengths: [prompt], UTF-8 bytes.
        """
        entered = rows @ self.entry
        landmarks = self.tasks.width
        shares, none = self.tasks(entered[:, :landmarks])
        probs = shares[:, : self.tasks.named]
        named = probs @ self.named
        models = self.quality.models
        quality, std = self.quality(
            entered[:, landmarks:], shares, probs, none, named[:, : 2 * models]
        )
        usd, tokens = self.cost(named[:, 2 * models :], none, lengths)
        return Estimates(probs, none[:, 0], quality, std, usd, tokens)


@dataclass(frozen=True, eq=False)
class TaskPass:
    """Stage 1: scores of all levels' tasks and similarities to centres, to probabilities.

    Attributes:
        intercept: [task of any level], temperatures applied.
        starts: where each level begins; level: [task of any level], which it is of.
        named: tasks of the first level; width: columns that are taken.
        none_weights: logistic weights of (1, largest named score, largest similarity).
    """

    intercept: Floats
    starts: NDArray[np.intp]
    level: NDArray[np.intp]
    named: int
    width: int
    none_weights: tuple[float, ...]

    @classmethod
    def of(cls, levels: TaskLevels) -> TaskPass:
        """The pass of fitted levels."""
        parts = levels.classifiers
        counts = [part.tasks for part in parts]
        base, of_score, of_similarity = map(float, levels.named.none_weights)
        return cls(
            intercept=np.concatenate(
                [np.asarray(part.intercept, np.float64) * part.temperature for part in parts]
            ),
            starts=np.cumsum([0, *counts[:-1]]),
            level=np.repeat(np.arange(len(parts)), counts),
            named=counts[0],
            width=sum(counts) + counts[0],
            none_weights=(base, of_score / levels.named.temperature, of_similarity),
        )

    def __call__(self, entered: Rows) -> tuple[Floats, Floats]:
        """Probabilities of all levels' tasks side by side, and of none [prompt, 1]."""
        scores = entered[:, : len(self.level)] + self.intercept
        top = np.maximum.reduceat(scores, self.starts, axis=1)
        scores -= top[:, self.level]
        shares = np.exp(scores, out=scores)
        similarity = np.maximum.reduce(entered[:, len(self.level) :], axis=1, keepdims=True)
        base, of_score, of_similarity = self.none_weights
        none = logistic(base + of_score * top[:, :1] + of_similarity * similarity)
        known = (1.0 - none) / np.add.reduceat(shares, self.starts, axis=1)
        shares *= known[:, self.level]
        return shares, none


@dataclass(frozen=True, eq=False)
class QualityPass:
    """Stage 2: landmark products and probabilities, to quality and its deviation.

    Attributes:
        heads: [landmark, 1 + unit + model], to a one, the trunk's units, the general estimates.
        offset: of these.
        task_heads: [task * (1 + unit), model].
        means: [task of any level, model], task-level quality, shared out over the levels.
        variance: [named task, model]; spread: [model], of quality over tasks.
        sharpness: twice the kernel's.
        alpha, std_scale: as in `QualityModel`.
    """

    heads: Rows
    offset: Rows
    task_heads: Rows
    means: Floats
    variance: Floats
    spread: Floats
    sharpness: np.float32
    alpha: float
    std_scale: float

    @classmethod
    def of(cls, quality: QualityModel) -> QualityPass:
        """The pass of a fitted stage 2."""
        trunk = quality.experts.trunk
        nothing = np.zeros((len(trunk.projection), 1), np.float32)
        heads = (nothing, trunk.projection, trunk.projection @ trunk.heads)
        general = trunk.bias - trunk.offset @ trunk.heads
        _, variance, spread = quality.priors[0].moments
        return cls(
            heads=np.hstack(heads),
            offset=np.concatenate([np.ones(1), -trunk.offset, general]).astype(np.float32),
            task_heads=quality.experts.task_heads.reshape(-1, trunk.heads.shape[1]),
            means=np.vstack([prior.mean for prior in quality.priors]) / len(quality.priors),
            variance=variance,
            spread=spread,
            sharpness=np.float32(2.0 * trunk.kernel.sharpness),
            alpha=quality.alpha,
            std_scale=quality.std_scale,
        )

    @property
    def models(self) -> int:
        """Number of models."""
        return self.means.shape[1]

    def __call__(
        self, products: Rows, shares: Floats, probs: Floats, none: Floats, named: Floats
    ) -> tuple[Floats, Floats]:
        """Quality and its standard deviation [prompt, model]; see `QualityModel.estimate`.

        Args:
            products: of rows and landmarks, times twice the kernel's sharpness.
            shares: probabilities of all levels' tasks; probs: of the named ones.
            none: [prompt, 1].
            named: the named tasks' mean quality and mean square, side by side.
        """
        similarity = np.exp(products - self.sharpness)
        units = similarity @ self.heads + self.offset
        inputs, general = units[:, : -self.models], units[:, -self.models :]
        gated = probs.astype(np.float32)[:, :, None] * inputs[:, None, :]
        prompt_level = general + gated.reshape(len(units), -1) @ self.task_heads
        unknown = none * general
        task_level = shares @ self.means + unknown
        quality = self.alpha * prompt_level + (1.0 - self.alpha) * task_level
        np.minimum(np.maximum(quality, 0.0, out=quality), 1.0, out=quality)
        mean, square = named[:, : self.models], named[:, self.models :]
        between = np.maximum(square - mean * mean / np.maximum(1.0 - none, _TINY), 0.0)
        disagreement = (prompt_level - task_level) / 2.0
        variance = (probs * probs) @ self.variance + between + none * self.spread
        std = self.std_scale * np.sqrt(variance + disagreement * disagreement)
        return quality, np.maximum(std, LEAST_STD, out=std)


@dataclass(frozen=True, eq=False)
class CostPass:
    """Token laws and prices: token factors and lengths to USD and tokens.

    Attributes:
        overall, exponent: [law and model], of input tokens, output tokens and cost of a call.
        usd_per_token: [input and output, model].
    """

    overall: Floats
    exponent: Floats
    usd_per_token: Floats

    @classmethod
    def of(cls, cost: CostModel, pool: ModelPool) -> CostPass:
        """The pass of fitted laws, at a pool's prices."""
        laws = _laws(cost)
        return cls(
            overall=np.concatenate([law.overall for law in laws]),
            exponent=np.concatenate([law.exponent for law in laws]),
            usd_per_token=cost.billing * np.array(pool.usd_per_mtok) / 1e6,
        )

    @staticmethod
    def factors(cost: CostModel) -> Floats:
        """What probabilities of tasks are multiplied with, [task, law and model]."""
        return np.hstack([law.factor for law in _laws(cost)])

    def __call__(self, factor: Floats, none: Floats, lengths: Floats) -> tuple[Floats, Floats]:
        """Expected USD and tokens [prompt, model]; see `CostModel.estimate`."""
        size = lengths[:, None]
        amount = (factor + none * self.overall) * (size / 256.0) ** self.exponent
        tokens_in, tokens_out, recorded = _thirds(amount)
        np.maximum(tokens_in, size / 6.0, out=tokens_in)
        usd = tokens_in * self.usd_per_token[0] + tokens_out * self.usd_per_token[1]
        np.copyto(usd, recorded, where=np.isnan(usd))
        tokens = np.fmax(tokens_in, size / 4.0)
        return usd, np.add(tokens, tokens_out, out=tokens, where=~np.isnan(tokens_out))


def _laws(cost: CostModel) -> Sequence[LengthLaw]:
    return cost.input_tokens, cost.output_tokens, cost.call_usd


def _thirds(amount: Floats) -> tuple[Floats, Floats, Floats]:
    models = amount.shape[1] // 3
    return amount[:, :models], amount[:, models : 2 * models], amount[:, 2 * models :]
