"""GraphRouter on frozen embeddings: a graph of prompts, their tasks, and models.

Every outcome is an edge from a prompt to a model, with its score and cost on it. Two rounds of
messages along the visible edges make the models' vectors from the prompts that they were asked; an
edge is predicted as sigmoid(mean over dimensions of prompt vector * model vector), where the
prompt's vector is a linear map of its row and of its task. In each epoch a share of the edges is
hidden and predicted. An edge is right if its model was among the prompt's best.

What differs from the authors' code, and why: its task descriptions are written by a language model,
here a prompt's task is the centre of its k-means cluster; its model descriptions likewise, here a
model's first vector is learned; its sums of messages need batch normalisation, here they are
means; only one of several equally good models is right there, by the order of the list, all are
here; it takes the epoch that is best on the test set in LLMRouterBench's copy, here epochs are
chosen on training folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.clusters import Clustering, cluster
from finerouter.evaluation.baselines.descent import Array, Parameters, Plan, descend, sigmoid
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Fitted, Rows, Trained
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable

Flags = NDArray[np.bool_]
_DECAY, _TASKS = 1e-4, 10


@dataclass(frozen=True)
class GraphRouter(Trained):
    """Two rounds of messages.

    Attributes:
        hidden: dimensions of a prompt's vector, as many again of its task's.
        masked: share of the edges hidden and predicted in an epoch.
        learning_rate: of Adam.
        epochs: each is one step on the whole graph.
    """

    name: ClassVar[str] = "GraphRouter, frozen embeddings"
    source: ClassVar[str] = "Feng et al. 2024, arXiv 2410.03834; defaults of LLMRouter's copy"
    hidden: int = 64
    masked: float = 0.3
    learning_rate: float = 1e-3
    epochs: int = 100

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        slow = tuple(cls(epochs=epochs) for epochs in (50, 200))
        quick = tuple(
            cls(hidden=32, learning_rate=1e-2, epochs=epochs) for epochs in (80, 160, 240, 320, 400)
        )
        return (cls(), *slow, *quick)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`."""
        random = np.random.default_rng(seed)
        tasks = cluster(rows, _TASKS, seed)
        graph = Graph.of(rows, tasks.centres[tasks.labels].astype(np.float32), train)

        def gradient(
            parameters: Parameters, _: NDArray[np.int64], random: np.random.Generator
        ) -> Parameters:
            hidden = graph.known & (random.random(graph.known.shape) < self.masked)
            return loss_and_gradient(parameters, graph, graph.known & ~hidden, hidden)[1]

        start = _start(rows.shape[1], self.hidden, len(train.models), random)
        plan = Plan(self.learning_rate, _DECAY, len(rows), epochs)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(rows), plan, random)
        return [_FittedGraphRouter.of(found, graph, tasks, cost) for found in trained]


@dataclass(frozen=True, eq=False)
class Graph:
    """Prompts, models, and the outcomes between them.

    Attributes:
        rows, task_rows: [prompt, feature], of the prompt and of its task.
        edges: [prompt, model, 2], score and cost over the dearest model's mean; 0 where unknown.
        known: [prompt, model], whether there is an outcome.
        right: [prompt, model], whether the model was among the prompt's best.
    """

    rows: Array
    task_rows: Array
    edges: Array
    known: Flags
    right: Flags

    @classmethod
    def of(cls, rows: Rows, task_rows: Rows, train: OutcomeTable) -> Graph:
        """The graph of training outcomes."""
        known = ~np.isnan(train.score)
        cost = np.nan_to_num(train.realised_cost_usd)
        unit = max(float(np.nan_to_num(column_means(train.realised_cost_usd)).max()), 1e-300)
        score = np.where(known, train.score, -np.inf)
        edges = np.stack([np.nan_to_num(train.score), np.where(known, cost / unit, 0.0)], axis=2)
        best = score.max(axis=1, keepdims=True)
        return cls(rows, task_rows, edges.astype(rows.dtype), known, known & (score >= best))


@dataclass(frozen=True, eq=False)
class _FittedGraphRouter:
    parameters: Parameters
    models: Array
    tasks: Clustering
    cost: ExpectedCost

    @classmethod
    def of(
        cls, parameters: Parameters, graph: Graph, tasks: Clustering, cost: ExpectedCost
    ) -> _FittedGraphRouter:
        """Models' vectors from all training edges, now that none needs to be hidden."""
        return cls(parameters, forward(parameters, graph, graph.known).models, tasks, cost)

    def prefer(self, rows: Rows) -> Estimates:
        task_rows = self.tasks.centres[self.tasks.nearest(rows)].astype(np.float32)
        prompts = prompt_vectors(self.parameters, rows, task_rows)
        quality = sigmoid(prompts @ self.models.T / prompts.shape[1])
        return Estimates(quality.astype(np.float64), self.cost.predict(rows))


@dataclass(frozen=True, eq=False)
class Forward:
    """What one pass through the graph makes; see `forward`."""

    prompts: Array
    edges: Array
    share: Array
    first: Array
    models: Array


def _start(features: int, hidden: int, models: int, random: np.random.Generator) -> Parameters:
    width = 2 * hidden

    def uniform(rows: int, columns: int) -> NDArray[np.float32]:
        bound = 1 / np.sqrt(rows)
        return random.uniform(-bound, bound, (rows, columns)).astype(np.float32)

    return {
        "task": uniform(features, hidden),
        "prompt": uniform(features, hidden),
        "model": random.standard_normal((models, width)).astype(np.float32),
        "edge": uniform(2, 2),
        "message_1": uniform(width, width),
        "edge_1": uniform(2, width),
        "message_2": uniform(width, width),
        "edge_2": uniform(2, width),
    }


def prompt_vectors(parameters: Parameters, rows: Array, task_rows: Array) -> Array:
    """Task and prompt side by side, [prompt, 2 * hidden]."""
    return np.concatenate([task_rows @ parameters["task"], rows @ parameters["prompt"]], axis=1)


def forward(parameters: Parameters, graph: Graph, visible: Flags) -> Forward:
    """Two rounds of messages from prompts to models along the visible edges.

    models_1 = relu(model + mean(prompt @ message_1 + edge @ edge_1))
    models_2 = models_1 + mean(relu(prompt) @ message_2 + edge @ edge_2)
    where edge = relu([score, cost] @ edge weights), and means are over a model's visible edges.
    """
    prompts = prompt_vectors(parameters, graph.rows, graph.task_rows)
    edges = np.maximum(graph.edges @ parameters["edge"], 0)
    share = (visible / np.maximum(visible.sum(axis=0), 1)).astype(prompts.dtype)
    of_edges = np.einsum("pm,pme->me", share, edges)
    first = np.maximum(
        parameters["model"]
        + (share.T @ prompts) @ parameters["message_1"]
        + of_edges @ parameters["edge_1"],
        0,
    )
    models = (
        first
        + (share.T @ np.maximum(prompts, 0)) @ parameters["message_2"]
        + of_edges @ parameters["edge_2"]
    )
    return Forward(prompts, edges, share, first, models)


def loss_and_gradient(
    parameters: Parameters, graph: Graph, visible: Flags, hidden: Flags
) -> tuple[float, Parameters]:
    """Mean cross entropy of the hidden edges, predicted from the visible ones, and its gradient."""
    made = forward(parameters, graph, visible)
    width, count = made.prompts.shape[1], max(1, int(hidden.sum()))
    logit = made.prompts @ made.models.T / width
    loss = float(np.where(hidden, np.logaddexp(0, logit) - graph.right * logit, 0).sum()) / count
    error = np.where(hidden, sigmoid(logit) - graph.right, 0).astype(logit.dtype) / (count * width)
    return loss, _backward(parameters, graph, made, error)


def _backward(parameters: Parameters, graph: Graph, made: Forward, error: Array) -> Parameters:
    """Gradient, from that of the logits times width, [prompt, model]."""
    lifted = np.maximum(made.prompts, 0)
    of_edges = np.einsum("pm,pme->me", made.share, made.edges)
    to_models = error.T @ made.prompts
    to_first = to_models * (made.first > 0)
    to_prompts = (
        error @ made.models
        + made.share @ (to_first @ parameters["message_1"].T)
        + (made.share @ (to_models @ parameters["message_2"].T)) * (made.prompts > 0)
    )
    to_means = to_first @ parameters["edge_1"].T + to_models @ parameters["edge_2"].T
    to_edges = made.share[:, :, None] * to_means * (made.edges > 0)
    half = made.prompts.shape[1] // 2
    return {
        "task": graph.task_rows.T @ to_prompts[:, :half],
        "prompt": graph.rows.T @ to_prompts[:, half:],
        "model": to_first,
        "edge": np.einsum("pmi,pme->ie", graph.edges, to_edges),
        "message_1": (made.share.T @ made.prompts).T @ to_first,
        "edge_1": of_edges.T @ to_first,
        "message_2": (made.share.T @ lifted).T @ to_models,
        "edge_2": of_edges.T @ to_models,
    }
