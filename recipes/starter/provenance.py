"""Writes PROVENANCE.md: takes the scores and the date, gives the page that ships with the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from recipes.starter.arms import ARMS, Arm
from recipes.starter.families import SEED, Item
from recipes.starter.weights import WEIGHTS

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Scores:
    """Means over prompts: by family and arm, by arm, and of the best arm of each prompt."""

    families: tuple[str, ...]
    prompts: int
    by_family: Mapping[tuple[str, str], float]
    mean: Mapping[str, float]
    cost_usd: Mapping[str, float]
    oracle: float

    @classmethod
    def of(cls, items: list[Item], rows: list[dict[str, object]]) -> Scores:
        """The means of the dataset's rows."""
        family = {item.prompt_id: item.family for item in items}
        cells: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        totals: defaultdict[str, list[float]] = defaultdict(list)
        costs: defaultdict[str, list[float]] = defaultdict(list)
        best: defaultdict[str, float] = defaultdict(float)
        for row in rows:
            prompt, arm, score = str(row["prompt_id"]), str(row["model"]), _float(row["score"])
            cells[family[prompt], arm].append(score)
            totals[arm].append(score)
            costs[arm].append(_float(row["cost_usd"]))
            best[prompt] = max(best[prompt], score)
        return cls(
            families=tuple(dict.fromkeys(family.values())),
            prompts=len(items),
            by_family={key: fmean(scores) for key, scores in cells.items()},
            mean={arm: fmean(scores) for arm, scores in totals.items()},
            cost_usd={arm: fmean(values) for arm, values in costs.items()},
            oracle=fmean(best.values()),
        )


def provenance(scores: Scores, collected: str) -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Where the starter dataset comes from",
            "",
            f"{scores.prompts} prompts in {len(scores.families)} families, written by the seeded "
            f"generator in `recipes/starter` (seed {SEED}), and what {len(ARMS)} arms scored on "
            "each of them. An arm is a small language model with one fixed way of asking it. All "
            "outcomes are real: the models were run locally, and exact graders compared their "
            "answers with the generator's references. None was estimated, and none is missing.",
            "",
            f"Collected on {collected}. `recipes/starter/README.md` tells how to do it again.",
            "",
            "## Models",
            "",
            *_weights_table(),
            "",
            "Only outcomes ship: scores and token counts. No weights and no text that a model "
            "wrote are in the package. The prompts are our own, under the project's licence.",
            "",
            "Installed packages: " + ", ".join(_pins()) + ".",
            "",
            "## Arms",
            "",
            *_arms_table(),
            "",
            "The examples shown before a prompt mix many kinds of question and are the same for "
            "every prompt; none is in the dataset. The wording was tuned on prompts drawn with "
            "another seed. The graders' rules were tightened after reading a sample of answers, "
            "for all arms alike. Temperature 0 throughout. Models ran on the CPU, one call at a "
            "time, each on a cache that held its examples alone: a rerun on the same processor "
            "gives the same answers.",
            "",
            "## Costs",
            "",
            "The prices in `pool.toml` are illustrative; the token counts are real. The tokens of "
            "the examples count as input in full, as if nothing were cached.",
            "",
            "## Scores",
            "",
            *_score_table(scores),
            "",
            f"The best arm of each prompt, in hindsight, scores {scores.oracle:.3f}; the best "
            f"single arm scores {max(scores.mean.values()):.3f}.",
            "",
        ]
    )


def _weights_table() -> list[str]:
    lines = [f"| {name} | {w.title} | {w.licence} | `{w.sha256}` |" for name, w in WEIGHTS.items()]
    return ["| Weights | Model | Licence | SHA-256 of the GGUF file |", "|---|---|---|---|", *lines]


def _pins() -> list[str]:
    lines = [
        line.strip()
        for name in ("requirements.txt", "weights.txt")
        for line in (_HERE / name).read_text().splitlines()
    ]
    return [f"`{line}`" for line in lines if line and not line.startswith("#")]


def _arms_table() -> list[str]:
    return [
        "| Arm | Asked | Output tokens at most | USD per Mtok in, out |",
        "|---|---|---|---|",
        *(_arm_line(arm) for arm in ARMS),
    ]


def _arm_line(arm: Arm) -> str:
    price = WEIGHTS[arm.weights]
    return (
        f"| {arm.name} | {arm.note} | {arm.max_tokens} | "
        f"{price.input_usd_per_mtok}, {price.output_usd_per_mtok} |"
    )


def _score_table(scores: Scores) -> list[str]:
    arms = [arm.name for arm in ARMS]
    return [
        "| Family | " + " | ".join(arms) + " |",
        "|---|" + "---|" * len(arms),
        *(_line(f, (f"{scores.by_family[f, a]:.2f}" for a in arms)) for f in scores.families),
        _line("all", (f"{scores.mean[a]:.3f}" for a in arms)),
        _line("mean cost, micro-USD", (f"{scores.cost_usd[a] * 1e6:.2f}" for a in arms)),
    ]


def _line(head: str, cells: Iterable[str]) -> str:
    return f"| {head} | " + " | ".join(cells) + " |"


def _float(value: object) -> float:
    return float(str(value))
