"""RouterDC's dual contrastive loss, on frozen embeddings.

A prompt's vector is a projection of its row, a model's vector is learned, their cosine is the
score. Prompts are pulled to each of their best models and away from their worst (sample-LLM loss),
and to a prompt of their own k-means cluster and away from others (sample-sample loss). RouterDC
fine-tunes a language model as its encoder; here the embedding is frozen, the projection starts as
the identity, and the learning rate is that of a projection. Its code keeps the step that is best
on the test set; here the number of epochs is chosen on training folds. Its code sorts models by
score as they are listed; here equal scores are put in random order at every step, or the first
listed would be the "best" of most prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.clusters import cluster
from finerouter.evaluation.baselines.descent import Array, Parameters, Plan, descend
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Fitted, Rows, Trained
from finerouter.outcomes import OutcomeTable

Labels = NDArray[np.int64]
_BATCH, _BEST, _WORST, _OTHERS = 64, 3, 3, 3
_LEAST_RIGHT, _RIGHT = 0.0, 0.5
_SPREAD = 0.78
_CLUSTERS = 5


@dataclass(frozen=True)
class RouterDC(Trained):
    """Cosine of prompt and model.

    Attributes:
        temperature: that the cosine is divided by.
        cluster_weight: weight of the sample-sample loss.
        learning_rate: of Adam.
        epochs: passes over the prompts; about the code's 1,000 steps on 3,000 prompts.
    """

    name: ClassVar[str] = "RouterDC, frozen embeddings"
    source: ClassVar[str] = "Chen et al. 2024, arXiv 2409.19886; defaults of its code"
    temperature: float = 1.0
    cluster_weight: float = 1.0
    learning_rate: float = 1e-3
    epochs: int = 20

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        flat = tuple(cls(epochs=epochs) for epochs in (3, 6, 12))
        sharp = tuple(cls(temperature=0.2, epochs=epochs) for epochs in (3, 6, 12, 20))
        return (cls(), *flat, *sharp)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`."""
        random = np.random.default_rng(seed)
        score = train.score.astype(np.float32)
        labels = cluster(rows, _CLUSTERS, seed).labels

        def gradient(
            parameters: Parameters, batch: Labels, random: np.random.Generator
        ) -> Parameters:
            partners = draw_partners(labels[batch], random)
            order = by_score(score[batch], random)
            return loss_and_gradient(parameters, rows[batch], score[batch], order, partners, self)[
                1
            ]

        start = {
            "projection": np.eye(rows.shape[1], dtype=np.float32),
            "model": (_SPREAD * random.standard_normal((score.shape[1], rows.shape[1]))).astype(
                np.float32
            ),
        }
        plan = Plan(self.learning_rate, 0.0, _BATCH, epochs)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(rows), plan, random)
        return [_FittedRouterDC(parameters, cost) for parameters in trained]


@dataclass(frozen=True, eq=False)
class _FittedRouterDC:
    parameters: Parameters
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        prompt, _ = _unit(rows @ self.parameters["projection"])
        model, _ = _unit(self.parameters["model"])
        return Estimates((prompt @ model.T).astype(np.float64), self.cost.predict(rows))


def _unit(vectors: Array) -> tuple[Array, Array]:
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors / length, length


def _through_unit(slope: Array, unit: Array, length: Array) -> Array:
    """Gradient before normalisation, from that after it."""
    return (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length


def draw_partners(labels: Labels, random: np.random.Generator) -> Labels:
    """For each prompt of a batch one of its own cluster, then others' prompts, [prompt, 1 + H].

    A prompt without one or the other in the batch gets itself everywhere, which teaches nothing.
    """
    at = np.arange(len(labels))
    lots = random.random((len(labels), len(labels)))
    same = labels[:, None] == labels
    alike = np.where(same & (at != at[:, None]), lots, -1.0)
    others = np.where(same, -1.0, lots)
    furthest = np.argsort(-others, axis=1)[:, :_OTHERS]
    partners = np.column_stack([alike.argmax(axis=1), furthest])
    lacking = (alike.max(axis=1) < 0) | ((~same).sum(axis=1) < _OTHERS)
    partners[lacking] = at[lacking, None]
    return partners


def by_score(score: Array, random: np.random.Generator) -> Labels:
    """Models from best to worst [prompt, model]; equals in random order.

    Gaps stand where a score of a half would: neither good nor bad. They are never counted.
    """
    lots = random.random(score.shape)
    return np.lexsort((lots, -np.where(np.isnan(score), _RIGHT, score)), axis=1)


def loss_and_gradient(
    parameters: Parameters,
    rows: Array,
    score: Array,
    order: Labels,
    partners: Labels,
    dials: RouterDC,
) -> tuple[float, Parameters]:
    """Sample-LLM loss + weight * sample-sample loss, means over prompts, and their gradient.

    Args:
        parameters: projection [feature, feature] and model [model, feature].
        rows, score: of the batch.
        order: models from best to worst, [prompt, model].
        partners: see `draw_partners`.
        dials: temperature and cluster weight.
    """
    prompt, prompt_length = _unit(rows @ parameters["projection"])
    model, model_length = _unit(parameters["model"])
    to_models, push_models = _against_models(prompt @ model.T / dials.temperature, score, order)
    to_prompts, push_prompts = _against_prompts(prompt @ prompt.T, partners)
    push_models = push_models / dials.temperature
    push_prompts = dials.cluster_weight * push_prompts
    to_prompt = push_models @ model + (push_prompts + push_prompts.T) @ prompt
    to_projected = _through_unit(to_prompt, prompt, prompt_length)
    return to_models + dials.cluster_weight * to_prompts, {
        "projection": rows.T @ to_projected,
        "model": _through_unit(push_models.T @ prompt, model, model_length),
    }


def _against_models(similarity: Array, score: Array, order: Labels) -> tuple[float, Array]:
    """Sample-LLM loss: each of the best three against those of the worst three that were wrong."""
    count, at = len(score), np.arange(len(score))
    worst = order[:, -_WORST:]
    with np.errstate(invalid="ignore"):
        wrong = np.take_along_axis(score, worst, axis=1) <= _RIGHT  # a gap is not wrong
    against = np.where(wrong, np.take_along_axis(similarity, worst, axis=1), -np.inf)
    loss, push = 0.0, np.zeros_like(similarity)
    for positive in order[:, :_BEST].T:
        # A model may be among the best and the worst; as in the code, it then stands on both sides.
        own = similarity[at, positive]
        total = np.logaddexp.reduce(np.concatenate([own[:, None], against], axis=1), axis=1)
        with np.errstate(invalid="ignore"):
            counts = score[at, positive] > _LEAST_RIGHT
        loss += float(np.where(counts, total - own, 0).sum()) / count
        share = np.where(counts[:, None], np.exp(against - total[:, None]), 0) / count
        np.add.at(push, (at[:, None], worst), share)
        np.add.at(push, (at, positive), np.where(counts, np.exp(own - total) - 1, 0) / count)
    return loss, push


def _against_prompts(similarity: Array, partners: Labels) -> tuple[float, Array]:
    """Sample-sample loss: the partner of the same cluster against those of others."""
    at = np.arange(len(partners))
    logit = np.take_along_axis(similarity, partners, axis=1)
    counts = partners[:, 0] != at
    total = np.logaddexp.reduce(logit, axis=1)
    loss = float(np.where(counts, total - logit[:, 0], 0).mean())
    share = np.exp(logit - total[:, None])
    share[:, 0] -= 1
    push = np.zeros_like(similarity)
    np.add.at(push, (at[:, None], partners), np.where(counts[:, None], share, 0) / len(at))
    return loss, push
