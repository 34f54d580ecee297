"""What an evaluation found: frozen values that print, plot, compare and travel as JSON.

Takes nothing; `evaluate()` fills it, the command line and the report read it. Every share, score
and quality is on the scale 0 to 1, every cost in USD per thousand prompts unless the name says
otherwise, and every difference is "router minus the other", with a paired interval. What could not
be known is None, and `notes` say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.records import from_record, to_record

FORMAT = 1


@dataclass(frozen=True)
class DataFigures:
    """What was judged on.

    Attributes:
        prompts: held-out prompts judged.
        models: of the router, with outcomes here.
        benchmarks: prompts of each benchmark; empty where the data names none.
        outcomes: observed scores among prompts times models.
        fingerprint: of the judged outcomes; the same data, the same fingerprint.
        training_prompts: that the router was trained on.
        left_out: prompts of the data left out because the router was trained on them.
        left_out_near: prompts left out because they nearly repeat a training prompt.
        seen: judged prompts that are training prompts or nearly repeat one; above zero only when
            forced, and then the figures flatter.
        costs_known: whether a cost is known of every model; without, there are no figures of cost.
    """

    prompts: int
    models: tuple[str, ...]
    benchmarks: Mapping[str, int]
    outcomes: int
    fingerprint: str
    training_prompts: int
    left_out: int
    left_out_near: int
    seen: int
    costs_known: bool


@dataclass(frozen=True)
class RouterFigures:
    """Which router was judged.

    Attributes:
        finerouter: version that trained it.
        encoder: name of its encoder.
        tasks: how many it knows.
        training_fingerprint: of the outcomes it was trained on.
        balanced_cost_weight: the cost weight that training chose.
        prices: USD per million input and output tokens of each model, None where unknown.
        task_accuracy: share of training prompts whose task the classifier found out of fold; None
            for routers that did not record it.
    """

    finerouter: str
    encoder: str
    tasks: int
    training_fingerprint: str
    balanced_cost_weight: float
    prices: Mapping[str, tuple[float | None, float | None]]
    task_accuracy: float | None


@dataclass(frozen=True)
class Headline:
    """The few figures that matter most, all against the best single model.

    A dial "chosen on other prompts" was chosen on four fifths of the held-out prompts and judged
    on the last fifth, in turn, so that no figure profits from its own luck (`crossfit.py`).

    Attributes:
        quality_gain: router at cost weight 0, nothing chosen.
        balanced_gain, balanced_saved: quality, and share of the best single's cost, at the cost
            weight that training chose.
        best_quality_gain: at the dial with the best quality, chosen on other prompts.
        cost_saved: share of the best single's cost saved at its quality, by the cheapest dial that
            reaches that quality on other prompts; where none does, the best single is asked.
        cost_saved_quality: the quality that this saving came with.
        mean_quality_gain: mean height of the hull from the cheapest model's cost to the best
            single's; the hull chosen on other prompts.
        half_cost_gain, quarter_cost_gain: best quality at half, a quarter of the best single's
            cost, chosen on other prompts.
        gap_closed: router's gain at cost weight 0 over that of the best model per benchmark; None
            where that has no gain to speak of.
    """

    quality_gain: Interval
    balanced_gain: Interval
    balanced_saved: Interval | None
    best_quality_gain: Interval
    cost_saved: Interval | None
    cost_saved_quality: Interval | None
    mean_quality_gain: Interval | None
    half_cost_gain: Interval | None
    quarter_cost_gain: Interval | None
    gap_closed: Interval | None


@dataclass(frozen=True)
class Line:
    """How one way of choosing did.

    Attributes:
        kind: what it is, for programs: "best single", "cheapest", "random", "per benchmark",
            "router", "balanced" or "oracle"; a peer's method has its own.
        name: for people.
        quality: mean score over prompts.
        benchmark_quality: mean over benchmarks of their mean score; None without benchmarks.
        cost_per_1k_usd: mean cost of a thousand prompts; None when costs are unknown.
        against_best_single: difference of the mean score.
        saved: 1 - cost / best single's cost; None when costs are unknown or nil.
        cost_weight: of the router's lines, else None.
    """

    kind: str
    name: str
    quality: Interval
    benchmark_quality: Interval | None
    cost_per_1k_usd: Interval | None
    against_best_single: Interval
    saved: Interval | None
    cost_weight: float | None


@dataclass(frozen=True)
class CurvePoint:
    """Mean cost and mean score of the router's choices at a cost weight."""

    cost_weight: float
    cost_per_1k_usd: float
    quality: float


@dataclass(frozen=True)
class HullPoint:
    """A corner of a hull."""

    cost_per_1k_usd: float
    quality: float


@dataclass(frozen=True)
class BandPoint:
    """Height of the router's hull at a cost, with its interval."""

    cost_per_1k_usd: float
    quality: Interval


@dataclass(frozen=True)
class QualityCost:
    """Quality against cost on the held-out prompts.

    Attributes:
        points: the router's curve, cost weight rising from zero.
        hull: its non-decreasing convex hull.
        band: the hull's height with intervals, over the costs of the models.
        single_models: cost and quality of always asking each model, by name.
        single_hull: hull of the single models: what mixing them at random would give.
    """

    points: tuple[CurvePoint, ...]
    hull: tuple[HullPoint, ...]
    band: tuple[BandPoint, ...]
    single_models: Mapping[str, HullPoint]
    single_hull: tuple[HullPoint, ...]


@dataclass(frozen=True)
class Metric:
    """One figure by its published definition; all are explained in docs/evaluation.md.

    Attributes:
        key: for programs.
        name: for people.
        value: None when it cannot be known here; `note` then says why.
        unit: "points" (printed times 100), "share" (printed in percent), "bits", "usd" or "score".
        difference: whether zero means "no difference".
        note: what to know when reading it; may be empty.
    """

    key: str
    name: str
    value: Interval | None
    unit: str
    difference: bool
    note: str


@dataclass(frozen=True)
class BenchmarkFigures:
    """One benchmark; scores are means over its prompts.

    Attributes:
        benchmark: its name.
        prompts: judged.
        best_single, router, balanced, oracle: scores; None where that model has no outcome here.
        best_model: the best model of this benchmark, chosen on other prompts (see
            `per_benchmark.py`); best_model_score: its score.
        gain: router at cost weight 0 minus best single; None for too few outcomes of one.
        balanced_gain: the same at the cost weight that training chose.
        best_single_cost_per_1k_usd, router_cost_per_1k_usd, balanced_cost_per_1k_usd: None when
            costs are unknown.
    """

    benchmark: str
    prompts: int
    best_single: float | None
    router: float
    balanced: float
    oracle: float
    best_model: str | None
    best_model_score: float | None
    gain: Interval | None
    balanced_gain: Interval | None
    best_single_cost_per_1k_usd: float | None
    router_cost_per_1k_usd: float | None
    balanced_cost_per_1k_usd: float | None


@dataclass(frozen=True)
class TaskModelFigures:
    """A model on the held-out prompts of a task.

    Attributes:
        model: its name.
        estimated: mean estimated quality.
        observed: mean observed score; None without an outcome.
        outcomes: observed scores.
        share: of the task's prompts that the router gives to this model at cost weight 0.
        balanced_share: the same at the cost weight that training chose.
    """

    model: str
    estimated: float
    observed: float | None
    outcomes: int
    share: float
    balanced_share: float


@dataclass(frozen=True)
class TaskFigures:
    """A task on the held-out prompts; a prompt counts where its most probable task is this one.

    Attributes:
        task: its name; None for the prompts of no known task.
        terms, exemplars: of the training prompts, as the router knows them.
        training_prompts: of this task.
        prompts: held-out prompts; share: of all held-out prompts.
        router, balanced, best_single, oracle: mean scores; None where the best single model has no
            outcome here.
        gain: router at cost weight 0 minus best single; None for too few outcomes of one.
        models: best observed first.
    """

    task: str | None
    terms: tuple[str, ...]
    exemplars: tuple[str, ...]
    training_prompts: int
    prompts: int
    share: float
    router: float
    balanced: float
    best_single: float | None
    oracle: float
    gain: Interval | None
    models: tuple[TaskModelFigures, ...]


@dataclass(frozen=True)
class CalibrationBin:
    """Prompts with nearly the same estimate: mean estimate, mean score, its 95 % interval."""

    prompts: int
    quality: float
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelFigures:
    """A model over all held-out prompts.

    Attributes:
        model: its name.
        quality: mean score of always asking it.
        cost_per_1k_usd: of always asking it; None when unknown.
        share, balanced_share: of prompts it gets at cost weight 0, and at the one training chose.
        brier, calibration_error: of the router's estimates; None without outcomes.
        bins: for a calibration plot, equally many prompts in each.
    """

    model: str
    quality: Interval
    cost_per_1k_usd: float | None
    share: float
    balanced_share: float
    brier: float | None
    calibration_error: float | None
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True)
class Regret:
    """A prompt on which the router, at cost weight 0, lost most against hindsight.

    Attributes:
        prompt_id, excerpt, benchmark: of the prompt; the excerpt is shortened to one line.
        task, task_probability: as the router saw it; task None when it belongs to none.
        chosen, chosen_quality, chosen_score: the choice, what was expected, what happened.
        best, best_quality, best_score: the best model in hindsight, likewise; of several, the one
            that the router thought most of.
        better_models: how many models scored better than the chosen one.
        regret: best_score - chosen_score.
        reason: one sentence for people.
    """

    prompt_id: str
    excerpt: str
    benchmark: str | None
    task: str | None
    task_probability: float
    chosen: str
    chosen_quality: float
    chosen_score: float
    best: str
    best_quality: float
    best_score: float
    better_models: int
    regret: float
    reason: str


@dataclass(frozen=True)
class FlipRate:
    """How often a change that leaves a prompt's meaning alone changes the decision.

    Attributes:
        perturbation: what was done to the prompt.
        cost_weight: of the decisions compared.
        flips: share of prompts that got another model.
        quality_change: mean change of the score that the flips bring, by the original outcomes of
            the flips that have both; None where none has.
        task_flips: share of prompts that got another task.
    """

    perturbation: str
    cost_weight: float
    flips: Interval
    quality_change: Interval | None
    task_flips: float


@dataclass(frozen=True)
class Latency:
    """Time of one whole decision, prompt in and model out, on this machine.

    Attributes:
        decisions: measured.
        p50_ms, p99_ms: percentiles.
        batch_prompts_per_s: estimating all judged prompts at once.
    """

    decisions: int
    p50_ms: float
    p99_ms: float
    batch_prompts_per_s: float


@dataclass(frozen=True)
class PromptFigures:
    """One held-out prompt: where it lies, what was chosen, what came of it.

    What a comparison with an earlier evaluation pairs by, a point of the map, a row of the CSV.

    Outcomes and costs are those recorded; None where there is none.

    Attributes:
        prompt_id, benchmark: of the prompt.
        task, task_probability: as the router sees it.
        x, y: on the map of tasks; near means alike. Units mean nothing.
        model, score, cost_usd: choice at cost weight 0 and its outcome; cost of this one call.
        balanced_model, balanced_score, balanced_cost_usd: at the cost weight that training chose.
        best_single_score, best_single_cost_usd: of always asking the best single model.
        oracle_score: of the best model in hindsight.
    """

    prompt_id: str
    benchmark: str | None
    task: str | None
    task_probability: float
    x: float
    y: float
    model: str
    score: float
    cost_usd: float | None
    balanced_model: str
    balanced_score: float
    balanced_cost_usd: float | None
    best_single_score: float | None
    best_single_cost_usd: float | None
    oracle_score: float


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an evaluation found; see each part.

    Attributes:
        data, router: what was judged, and on what.
        best_single: the model with the best mean on training data.
        headline: the few figures that matter most.
        lines: ways of choosing, the best single model first.
        curve: quality against cost; None when costs are unknown.
        metrics: every figure by its published definition.
        benchmarks: by name; empty where the data names none.
        tasks: by held-out prompts, most first.
        models: in the router's order.
        abstained: share of held-out prompts of no known task.
        regrets: worst first.
        flip_rates: one per perturbation and cost weight.
        latency: None when not measured.
        prompts: one per judged prompt, in the data's order.
        resamples, seed: of the bootstrap.
        notes: what to know before believing any of this, in plain words.
        saving_cost_weight: the cost weight to use for the headline's `cost_saved`: of the cheapest
            dial that reaches the best single model's quality on all held-out prompts; None where
            none does, or without costs.
    """

    data: DataFigures
    router: RouterFigures
    best_single: str
    headline: Headline
    lines: tuple[Line, ...]
    curve: QualityCost | None
    metrics: tuple[Metric, ...]
    benchmarks: tuple[BenchmarkFigures, ...]
    tasks: tuple[TaskFigures, ...]
    models: tuple[ModelFigures, ...]
    abstained: float
    regrets: tuple[Regret, ...]
    flip_rates: tuple[FlipRate, ...]
    latency: Latency | None
    prompts: tuple[PromptFigures, ...]
    resamples: int
    seed: int
    notes: tuple[str, ...]
    saving_cost_weight: float | None = None

    def line(self, kind: str) -> Line:
        """The line of this kind.

        Raises:
            KeyError: there is none.
        """
        found = next((line for line in self.lines if line.kind == kind), None)
        if found is None:
            raise KeyError(kind)
        return found

    def metric(self, key: str) -> Metric:
        """The metric of this key.

        Raises:
            KeyError: there is none.
        """
        found = next((metric for metric in self.metrics if metric.key == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, NaN as null; `from_json` reads them back."""
        return {"format": FORMAT, **to_record(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EvaluationResult:
        """Read what `to_json` gave.

        Raises:
            DataError: it is not an evaluation, or one of another format.
        """
        return from_record(cls, record, format_wanted=FORMAT)
