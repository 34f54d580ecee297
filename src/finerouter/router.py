"""A trained router: prompts -> estimates -> decisions, with reasons.

Takes texts; gives `Estimate`, `Decision`, `Explanation`. The mirror image of `training/`: the
same steps, fitted. Imports nothing that only fitting needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.artifact import load_artifact, save_artifact
from finerouter.cost import CostModel
from finerouter.duplicates import HASHES, nearly_among, sketches
from finerouter.encoders import Encoder, EncoderSpec, build_encoder
from finerouter.encoders.features import FeatureMap
from finerouter.errors import (
    ArtifactError,
    DataError,
    EncoderError,
    EncoderMismatch,
    PoolError,
)
from finerouter.forward import ForwardPass
from finerouter.policy import Decision, Estimate, Policy, choose, decide
from finerouter.pool import ModelPool
from finerouter.prompt import prompt_id, text_bytes
from finerouter.quality.mixture import QualityModel
from finerouter.tasks.levels import TaskLevels
from finerouter.tasks.taxonomy import Task

Floats = NDArray[np.float64]
_BATCH = 4_096
_TASKS_SHOWN = 3
_Z_90 = 1.645


@dataclass(frozen=True)
class TaskEvidence:
    """Why a prompt is held to be of a task: probability, its terms in the prompt, exemplars."""

    task: Task
    probability: float
    terms_in_prompt: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A model's estimates for a prompt.

    Attributes:
        model: its name.
        quality: expected score; quality_low, quality_high: 90 % interval of that expectation.
        cost_usd: expected cost, NaN when unknown.
        is_task_candidate: whether it matters in the prompt's task.
        filtered: why it may not be chosen, None if it may.
    """

    model: str
    quality: float
    quality_low: float
    quality_high: float
    cost_usd: float
    is_task_candidate: bool
    filtered: str | None


@dataclass(frozen=True)
class Explanation:
    """Everything behind one decision.

    Attributes:
        decision: with what was filtered and where the choice would flip.
        tasks: the most probable tasks with their evidence.
        none_probability: that the prompt belongs to no known task.
        candidates: all models, best estimate first.
    """

    decision: Decision
    tasks: tuple[TaskEvidence, ...]
    none_probability: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What a router was trained on and how, for people and for checks.

    Attributes:
        info: configuration, counts, data fingerprint, tuning figures; plain JSON values.
        prompt_ids: ids of the training prompts.
        labels: [training prompt], task of each.
        sketches: [training prompt, 64], by which near-duplicates are told; without rows in routers
            of versions that kept none.
    """

    info: Mapping[str, Any]
    prompt_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    sketches: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, HASHES), np.uint8))


@dataclass(frozen=True, eq=False)
class Router:
    """A trained router; see `finerouter.training.train`."""

    encoder: Encoder
    features: FeatureMap
    levels: TaskLevels
    tasks: tuple[Task, ...]
    quality: QualityModel
    cost: CostModel
    pool: ModelPool
    training: TrainingRecord

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, the columns of every estimate."""
        return self.pool.names

    @cached_property
    def task_names(self) -> tuple[str, ...]:
        """Names of the tasks, the columns of `Estimate.task_probs`."""
        return tuple(task.name for task in self.tasks)

    def estimate(self, prompts: Sequence[str]) -> Estimate:
        """Estimate quality and cost of every model for prompts.

        Args:
            prompts: texts, none empty.

        Returns:
            Arrays [prompt, model] and [prompt, task].

        Raises:
            DataError: a prompt is empty, or a single text was given instead of a list.
        """
        lengths = _lengths(prompts)
        parts = [
            self._forward(
                self.features.encode(self.encoder, prompts[at : at + _BATCH]),
                lengths[at : at + _BATCH],
            )
            for at in range(0, len(prompts), _BATCH)
        ]
        found = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return Estimate(list(self.models), list(self.task_names), *found)

    def estimate_unread(self, prompts: Sequence[str]) -> Estimate:
        """Estimate prompts without reading them, for when the encoder is away.

        A row of zeros is like nothing known: no task, and of each model about its mean quality over
        the training prompts. Costs follow the prompts' lengths.

        Args:
            prompts: texts, none empty.

        Returns:
            As `estimate`.

        Raises:
            DataError: as `estimate`.
        """
        lengths = _lengths(prompts)
        rows = np.zeros((len(prompts), self._forward.width), np.float32)
        return Estimate(list(self.models), list(self.task_names), *self._forward(rows, lengths))

    @cached_property
    def _forward(self) -> ForwardPass:
        return ForwardPass.of(self.levels, self.quality, self.cost, self.pool)

    def route(self, prompt: str, policy: Policy | None = None, **dials: Any) -> Decision:
        """Choose a model for a prompt.

        Args:
            prompt: the text.
            policy: how to choose; or give its fields as keywords, such as `cost_weight=5.0`.
            dials: fields of `Policy`.

        Raises:
            DataError: the prompt is empty.
            NoEligibleModel, PolicyError: see `finerouter.policy.decide`.
        """
        policy = _policy(policy, dials)
        return decide(self.estimate([prompt]), policy, self.pool)

    def route_many(
        self, prompts: Sequence[str], policy: Policy | None = None, **dials: Any
    ) -> list[str]:
        """Names of the models chosen for prompts, in order."""
        chosen = choose(self.estimate(prompts), _policy(policy, dials), self.pool)
        return [self.models[at] for at in chosen]

    def explain(self, prompt: str, policy: Policy | None = None, **dials: Any) -> Explanation:
        """Choose a model for a prompt and say everything behind the choice."""
        estimate = self.estimate([prompt])
        decision = decide(estimate, _policy(policy, dials), self.pool)
        likely = np.argsort(-estimate.task_probs[0], kind="stable")[:_TASKS_SHOWN]
        return Explanation(
            decision=decision,
            tasks=tuple(
                _evidence(self.tasks[at], float(estimate.task_probs[0, at]), prompt)
                for at in likely
            ),
            none_probability=float(estimate.none[0]),
            candidates=_candidates(estimate, decision, self.tasks),
        )

    def with_pool(self, pool: ModelPool) -> Router:
        """The same router with other prices, windows or capabilities; nothing is trained.

        Args:
            pool: entries of any of the router's models; the others keep theirs.

        Raises:
            PoolError: the pool names a model that the router does not know.
        """
        unknown = [name for name in pool.names if name not in self.models]
        if unknown:
            raise PoolError(
                f"model {unknown[0]!r} is not in the router ({', '.join(self.models)}); "
                "train with outcomes of it"
            )
        entries = tuple(
            pool[name] if name in pool.names else self.pool[name] for name in self.models
        )
        return replace(self, pool=ModelPool(entries))

    def renamed(self, names: Sequence[str]) -> Router:
        """The same router with other names of its tasks; nothing is trained.

        Raises:
            DataError: not one name per task, or one that is empty or comes twice.
        """
        if len(names) != len(self.tasks):
            raise DataError(f"{len(names)} names for {len(self.tasks)} tasks; give one each")
        wrong = next((name for name in names if not name.strip() or names.count(name) > 1), None)
        if wrong is not None:
            raise DataError(f"{wrong!r} cannot name a task: empty, or given twice; change it")
        named = zip(self.tasks, names, strict=True)
        return replace(self, tasks=tuple(replace(task, name=name) for task, name in named))

    def save(self, folder: str | Path) -> None:
        """Write the router to a folder; an earlier router there is replaced.

        Raises:
            OutputError: it cannot be written; nothing is left half-written.
        """
        content = {
            "encoder": self.encoder.spec.to_json(),
            "structure_weight": self.features.weight,
            "pool": [model.to_json() for model in self.pool],
            "tasks": [task.to_json() for task in self.tasks],
            "training": dict(self.training.info),
        }
        save_artifact(Path(folder), content, self._tensors())

    def _tensors(self) -> dict[str, NDArray[np.generic]]:
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "features": self.features.to_tensors(),
            "levels": self.levels.to_tensors(),
            "quality": self.quality.to_tensors(),
            "cost": self.cost.to_tensors(),
        }
        tensors = {
            f"{part}.{name}": np.asarray(value)
            for part, named in parts.items()
            for name, value in named.items()
        }
        ids = "\n".join(self.training.prompt_ids).encode()
        tensors["training.prompt_ids"] = np.frombuffer(ids, np.uint8)
        tensors["training.labels"] = self.training.labels.astype(np.int32)
        tensors["training.sketches"] = self.training.sketches
        return tensors

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        encoder: Encoder | None = None,
        allow_remote: bool = False,
    ) -> Router:
        """Read a router from a folder.

        Args:
            folder: as written by `save`.
            encoder: the encoder it was trained with, if it cannot be rebuilt from the manifest.
            allow_remote: whether an embeddings endpoint that the manifest names may be used; it
                gets every prompt, and the key that the manifest names.

        Raises:
            ArtifactError: no router, a damaged one, or one of a newer format.
            EncoderMismatch: the encoder at hand is another one.
            EncoderError: the encoder is a remote one and not allowed.
        """
        content, tensors = load_artifact(Path(folder))
        if encoder is None and not allow_remote:
            _refuse_remote(folder, content.get("encoder", {}))
        try:
            return cls._from_artifact(content, tensors, encoder)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ArtifactError(
                f"{folder}: does not hold a router ({type(error).__name__}: {error}); train again"
            ) from error

    @classmethod
    def _from_artifact(
        cls,
        content: Mapping[str, Any],
        tensors: Mapping[str, NDArray[np.generic]],
        encoder: Encoder | None,
    ) -> Router:
        spec = EncoderSpec.from_json(content["encoder"])
        encoder = encoder or build_encoder(spec)
        if encoder.spec.sha256 != spec.sha256:
            raise EncoderMismatch(
                f"the router was trained with encoder {spec.name!r} ({spec.sha256[:12]}), not "
                f"{encoder.spec.name!r} ({encoder.spec.sha256[:12]}); give that one or train again"
            )
        weight = float(content["structure_weight"])
        cost = {key: np.asarray(value, np.float64) for key, value in _part(tensors, "cost").items()}
        features = {
            key: np.asarray(value, np.float32) for key, value in _part(tensors, "features").items()
        }
        record = TrainingRecord(
            info=content["training"],
            prompt_ids=tuple(tensors["training.prompt_ids"].tobytes().decode().split("\n")),
            labels=tensors["training.labels"].astype(np.int64),
            **_sketches(tensors),
        )
        return cls(
            encoder=encoder,
            features=FeatureMap.from_tensors(features, weight=weight),
            levels=TaskLevels.from_tensors(_part(tensors, "levels")),
            tasks=tuple(Task.from_json(task) for task in content["tasks"]),
            quality=QualityModel.from_tensors(_part(tensors, "quality")),
            cost=CostModel.from_tensors(cost),
            pool=ModelPool.from_records(content["pool"], source="the router's manifest"),
            training=record,
        )

    def was_trained_on(self, prompts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these prompts the router was trained on, or probed with, [prompt]."""
        known = set(self.training.prompt_ids)
        for record in self.training.info.get("joined", []):
            known.update(record["prompt_ids"])
        return np.array([prompt_id(text) in known for text in prompts], dtype=bool)

    def nearly_trained_on(self, prompts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these prompts are training prompts or near-duplicates of one, [prompt].

        What counts as one stands in `duplicates.py`. A router of a version that kept no sketches
        knows its training prompts by their exact text alone.
        """
        near = nearly_among(sketches(prompts), self.training.sketches)
        return near | self.was_trained_on(prompts)


def _part(tensors: Mapping[str, NDArray[np.generic]], name: str) -> dict[str, NDArray[np.generic]]:
    prefix = f"{name}."
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def _sketches(tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.uint8]]:
    kept = tensors.get("training.sketches")
    return {} if kept is None else {"sketches": kept.astype(np.uint8)}


def _refuse_remote(folder: str | Path, spec: Mapping[str, Any]) -> None:
    """A stranger's router must not make this machine send prompts and keys to a stranger's URL."""
    if spec.get("kind") == "remote":
        options = spec.get("options", {})
        raise EncoderError(
            f"{folder}: embeds prompts at {options.get('base_url')} with the key in "
            f"{options.get('api_key_env')}; if you trust that, load it with allow_remote=True "
            "(command line: --allow-remote)"
        )


def _lengths(prompts: Sequence[str]) -> NDArray[np.float64]:
    _check_prompts(prompts)
    return np.array([text_bytes(text) for text in prompts], dtype=np.float64)


def _check_prompts(prompts: Sequence[str]) -> None:
    if isinstance(prompts, str):
        raise DataError("estimate takes a list of prompts; put the single text into a list")
    if not len(prompts):
        raise DataError("no prompts were given; give at least one")
    for at, text in enumerate(prompts):
        if not text.strip():
            where = f"prompt {at + 1} of {len(prompts)}" if len(prompts) > 1 else "the prompt"
            raise DataError(f"{where} is empty; give its text")


def _policy(policy: Policy | None, dials: Mapping[str, Any]) -> Policy:
    return replace(policy, **dials) if policy is not None else Policy(**dials)


def _evidence(task: Task, probability: float, prompt: str) -> TaskEvidence:
    lowered = prompt.lower()
    found = tuple(
        term for term in task.terms if re.search(rf"(?<!\w){re.escape(term)}(?!\w)", lowered)
    )
    return TaskEvidence(task, probability, found)


def _candidates(
    estimate: Estimate, decision: Decision, tasks: Sequence[Task]
) -> tuple[Candidate, ...]:
    matter = next((task.candidates for task in tasks if task.name == decision.task), ())
    order = np.argsort(-estimate.quality[0], kind="stable")
    return tuple(
        Candidate(
            model=estimate.models[at],
            quality=float(estimate.quality[0, at]),
            quality_low=_bounded(estimate.quality[0, at] - _Z_90 * estimate.quality_std[0, at]),
            quality_high=_bounded(estimate.quality[0, at] + _Z_90 * estimate.quality_std[0, at]),
            cost_usd=float(estimate.cost_usd[0, at]),
            is_task_candidate=estimate.models[at] in matter,
            filtered=decision.filtered.get(estimate.models[at]),
        )
        for at in order
    )


def _bounded(value: float) -> float:
    return float(min(1.0, max(0.0, value)))
