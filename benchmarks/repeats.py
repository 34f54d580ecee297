"""What it would gain to weigh outcomes by their repeats, in a world whose truth is known.

    python -m benchmarks.repeats

Prompts, families and models are the starter dataset's. A model's chance on a prompt is drawn around
its mean in the prompt's family; an outcome is the mean of so many tries, few on some prompts and
many on others. The estimator is a small copy of stage 2: shrunk family means and kernel ridge
regression, half each. Weights are those of least variance, told the true variances: no real
weighting does better. Choices on held-out prompts are judged by the true chances.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import record
from finerouter import OutcomeTable
from finerouter.encoders import StaticEncoder
from finerouter.gaps import column_means
from finerouter.quality.kernel import Kernel
from finerouter.quality.prior import TaskPrior

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Index = NDArray[np.int64]
REPEATS = {"1 or 16": (1, 16), "1, 2 or 4": (1, 2, 4), "1 or 4": (1, 4)}
JITTER = 1e-4  # prompts of one wording differ by little
CONCENTRATION = 4.0  # of the Beta distribution of a chance around the family's mean
HELD_OUT, DRAWS, LANDMARKS, SHARPNESS, PENALTY = 0.3, 300, 256, 2.0, 10.0


def chosen(
    rows: Rows, families: Floats, score: Floats, weight: Floats, train: NDArray[np.bool_]
) -> Index:
    """The best model of every prompt, by an estimate from the training prompts [prompt]."""
    prior = TaskPrior.fit(score[train], families[train] * weight[train, None])
    kernel = Kernel.draw(rows[train], landmarks=LANDMARKS, sharpness=SHARPNESS, seed=0)
    similar = kernel(rows).astype(np.float64)
    bias = column_means(score[train])
    weighted = similar[train].T * weight[train]
    smooth = PENALTY * kernel(np.ascontiguousarray(kernel.landmarks.T))
    smooth += JITTER * np.eye(LANDMARKS, dtype=np.float32)
    product = weighted @ (score[train] - bias)
    ridge = bias + similar @ np.linalg.solve(weighted @ similar[train] + smooth, product)
    best: Index = np.argmax(0.5 * families @ prior.mean + 0.5 * ridge, axis=1)
    return best


def gains(repeats: tuple[int, ...], rows: Rows, families: Floats, mean: Floats) -> Floats:
    """True quality of choices on held-out prompts, in points [draw, 2].

    First what the weights gain, then what there is without them.
    """
    figures = np.empty((DRAWS, 2))
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        chance = random.beta(CONCENTRATION * mean, CONCENTRATION * (1 - mean))
        tries = random.choice(repeats, size=len(rows))
        score = random.binomial(tries[:, None], chance) / tries[:, None]
        between = (mean * (1 - mean)).mean() / (CONCENTRATION + 1)
        within = (chance * (1 - chance)).mean() / tries
        weight = 1 / (between + within)
        train = random.uniform(size=len(rows)) >= HELD_OUT
        at = np.arange(len(rows))
        flat, weighed = (
            chance[at, chosen(rows, families, score, each, train)][~train].mean()
            for each in (np.ones(len(rows)), weight / weight[train].mean())
        )
        figures[draw] = 100 * (weighed - flat), 100 * flat
    return figures


def main() -> None:
    """Measure, print, record."""
    table = OutcomeTable.read(Path(str(resources.files("finerouter") / "starter")))
    names = sorted(set(table.benchmarks or ()))
    families = np.array([[own == name for name in names] for own in table.benchmarks or ()], float)
    observed = families.T @ np.nan_to_num(table.score) / families.sum(axis=0)[:, None]
    mean = families @ np.clip(observed, 0.02, 0.98)
    rows = StaticEncoder.load().encode(table.prompts)
    found = {}
    for name, repeats in REPEATS.items():
        figures = gains(repeats, rows, families, mean)
        gain, plain = map(float, figures.mean(axis=0))
        margin = 1.96 * float(figures[:, 0].std(ddof=1)) / DRAWS**0.5
        found[name] = {
            "gain_points": round(gain, 3),
            "interval_95": [round(gain - margin, 3), round(gain + margin, 3)],
            "unweighted_points": round(plain, 2),
        }
        sys.stdout.write(f"{name}: {found[name]}\n")
    record("repeats", {"draws": DRAWS, "repeats": found})


if __name__ == "__main__":
    main()
