"""What a new model brings from few probes, each model of a pool left out in turn.

    python -m benchmarks.joining --data ../shared/data/pool11

Per split and model three kinds of router are judged on the same held-out prompts: trained without
the model (without), trained with all of its outcomes (full), and the first with the model joined.
The gain of a way of joining is its area under the curve less that of the router without; the gain
of full outcomes is that of the full router. The range of costs is one that all of them can reach:
from the cheapest of the other models to the dearer of the two best single ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.areas import FEW_DIALS, Choices, development_part, interval, resampled
from benchmarks.machine import record
from finerouter import OutcomeTable, Router
from finerouter.joining import join
from finerouter.selection import choose_probes
from finerouter.training import train

Floats = NDArray[np.float64]
COUNTS = (25, 50, 100, 200)
MAIN = "chosen 50"
# A model without gain brings no more than this by full outcomes, in points of area.
LEAST_GAIN = 0.0015


def ways(router: Router, fit: OutcomeTable, name: str, seed: int) -> Iterator[tuple[str, Router]]:
    """Routers with the model joined in different ways; `fit` has everybody's outcomes."""
    model, others = fit.pool[name], fit.select_models(router.models)
    row = {key: at for at, key in enumerate(fit.prompt_ids)}
    best = choose_probes(router, others, count=max(COUNTS), seed=seed)
    order = np.array([row[probe.prompt_id] for probe in best])
    drawn = np.random.default_rng([seed, 7]).permutation(len(fit))
    for count in COUNTS:
        yield f"chosen {count}", join(router, model, probes=fit.rows(order[:count]))
        yield f"random {count}", join(router, model, probes=fit.rows(drawn[:count]))
    probes = fit.rows(order[:50])
    yield "chosen 50, no caution", join(router, model, probes=probes, caution=0.0)
    yield "chosen 50, caution 0.5", join(router, model, probes=probes, caution=0.5)
    alone = fit.rows(drawn[:50]).select_models([name])
    yield "random 50, others unknown", join(router, model, probes=alone)
    yield "all outcomes, joined", join(router, model, probes=fit)
    yield "benchmark scores alone", join(router, model, benchmarks=benchmark_scores(fit))
    yield "like the nearest", join(router, model, like=nearest(fit, name))


def benchmark_scores(outcomes: OutcomeTable) -> dict[str, dict[str, float]]:
    """Mean score of every model on every benchmark of the table."""
    names = np.array(outcomes.benchmarks)
    return {
        str(name): dict(
            zip(outcomes.models, outcomes.score[names == name].mean(axis=0).tolist(), strict=True)
        )
        for name in np.unique(names)
    }


def nearest(outcomes: OutcomeTable, name: str) -> str:
    """The other model whose scores agree most: what a person might know of a model's family."""
    at = outcomes.models.index(name)
    off = np.abs(outcomes.score - outcomes.score[:, [at]]).mean(axis=0)
    off[at] = np.inf
    return outcomes.models[int(off.argmin())]


def run_split(
    outcomes: OutcomeTable, seed: int, out: Console
) -> tuple[dict[str, dict[str, Choices]], dict[str, list[float]], OutcomeTable]:
    """Choices of every way for every model left out, and how often intervals held the truth."""
    fit, held_out = outcomes.split(test_size=0.3, seed=seed)
    config = replace(FEW_DIALS, seed=seed)
    full = train(fit, config)
    choices: dict[str, dict[str, Choices]] = {}
    covered: dict[str, list[float]] = {}
    for name in outcomes.models:
        out.print(seed, name)
        others = [other for other in outcomes.models if other != name]
        without = train(fit.select_models(others), config)
        found = {"full": Choices.of(full, held_out), "without": Choices.of(without, held_out)}
        for way, router in ways(without, fit, name, seed):
            found[way] = Choices.of(router, held_out)
            covered.setdefault(way, []).append(_covered(router, full, held_out, name))
        choices[name] = found
    return choices, covered, held_out


def _covered(router: Router, full: Router, held_out: OutcomeTable, name: str) -> float:
    """Share of prompts whose 90 % interval holds what the full router estimates."""
    joined, known = router.estimate(held_out.prompts), full.estimate(held_out.prompts)
    at = joined.models.index(name)
    off = joined.quality[:, at] - known.quality[:, known.models.index(name)]
    return float((np.abs(off) <= 1.645 * joined.quality_std[:, at]).mean())


def summarise(
    outcomes: OutcomeTable,
    splits: list[tuple[dict[str, dict[str, Choices]], dict[str, list[float]], OutcomeTable]],
) -> dict[str, Any]:
    """Gains per way and model, in area, and their share of the full gain summed over models."""
    row = {name: at for at, name in enumerate(outcomes.prompt_ids)}
    held_out = [np.array([row[name] for name in part.prompt_ids]) for _, _, part in splits]
    names = [way for way in next(iter(splits[0][0].values())) if way != "without"]

    def gains(at: int, draw: Floats) -> Floats:
        choices, _, part = splits[at]
        score, cost = draw @ part.score, draw @ part.realised_cost_usd
        return np.stack(
            [
                _gains(choices[name], names, score, cost, out, draw)
                for out, name in enumerate(choices)
            ]
        )

    found = resampled(len(outcomes), held_out, gains)  # [sample, model, way]
    full = found[:, :, 0]
    useful = full[0] >= LEAST_GAIN
    figures: dict[str, Any] = {
        "models_with_gain": [name for name, has in zip(outcomes.models, useful, strict=True) if has]
    }
    for at, way in enumerate(names):
        gain = found[:, :, at]
        shares = gain[:, useful] / full[:, useful]
        figures[way] = {
            "share_of_summed_gain": interval(gain.sum(axis=1) / full.sum(axis=1)),
            "mean_share_of_models_with_gain": interval(shares.mean(axis=1)),
            "summed_gain_of_the_others": interval(gain[:, ~useful].sum(axis=1)),
            "worst_gain": round(float(gain[0].min()), 6),
            "gain": {
                name: interval(gain[:, column]) for column, name in enumerate(outcomes.models)
            },
        }
        if way != "full":
            held = [value for _, covered, _ in splits for value in covered[way]]
            figures[way]["covered_90"] = round(float(np.mean(held)), 3)
    return figures


def _gains(
    choices: dict[str, Choices],
    names: list[str],
    score: Floats,
    cost: Floats,
    left_out: int,
    draw: Floats,
) -> Floats:
    others = np.arange(len(score)) != left_out
    low = float(cost[others].min())
    best = int(np.where(others, score, -1.0).argmax())
    high = float(max(cost[score.argmax()], cost[best]))
    without = choices["without"].area(draw, low, high)
    return np.array([choices[name].area(draw, low, high) - without for name in names])


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/pool11"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[500, 501, 502, 503, 504])
    parser.add_argument("--name", default="joining_pool11")
    arguments = parser.parse_args()
    out = Console(stderr=True)
    outcomes = development_part(arguments.data)
    splits = [run_split(outcomes, seed, out) for seed in arguments.seeds]
    figures = summarise(outcomes, splits)
    record(arguments.name, {"seeds": arguments.seeds, "figures": figures})
    for name, found in figures.items():
        out.print(name, found)


if __name__ == "__main__":
    main()
