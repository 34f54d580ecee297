"""Outcomes whose truth is known: prompts of six kinds, four models of planted strengths.

Everything follows from a seed. `STRENGTH` and `OUTPUT_TOKENS` are what a router should find out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from finerouter import Model, ModelPool, OutcomeTable
from finerouter.training import TrainingConfig

Floats = NDArray[np.float64]

_WORDS = ("river", "stone", "cloud", "lamp", "garden", "window", "ticket", "marble", "engine")
_FOODS = ("soup", "bread", "salad", "pasta", "coffee", "cake", "curry", "pie", "noodles")
_LANDS = ("France", "Japan", "Brazil", "Kenya", "Norway", "Chile", "Egypt", "Nepal", "Canada")


def _words(random: Generator, count: int) -> list[str]:
    return [str(word) for word in random.choice(_WORDS, size=count, replace=False)]


def _arithmetic(random: Generator) -> str:
    a, b, c = random.integers(12, 990, size=3)
    return f"What is {a} plus {b} times {c}? Calculate the number step by step."


def _translation(random: Generator) -> str:
    first, second, third = _words(random, 3)
    return f"Translate this sentence into German: the {first} near the {second} holds a {third}."


def _code(random: Generator) -> str:
    a, b, c = random.integers(1, 99, size=3)
    name = _words(random, 1)[0]
    return f"def {name}(x):\n    return [x + {a}, x * {b}]\nprint({name}({c}))\nWhat is printed?"


def _sentiment(random: Generator) -> str:
    food, other = random.choice(_FOODS, size=2, replace=False)
    mood = random.choice(["awful", "lovely", "bland", "superb"])
    return f"Is this review positive or negative? The {food} was {mood}, the {other} less so."


def _ordering(random: Generator) -> str:
    return f"Put these words into alphabetical order: {', '.join(_words(random, 5))}"


def _facts(random: Generator) -> str:
    land = random.choice(_LANDS)
    year = random.integers(1900, 2020)
    return f"Name the capital city and the largest port of the country {land} in {year}."


KINDS: dict[str, Callable[[Generator], str]] = {
    "arithmetic": _arithmetic,
    "translation": _translation,
    "code": _code,
    "sentiment": _sentiment,
    "ordering": _ordering,
    "facts": _facts,
}
POOL = ModelPool(
    (
        Model("coder", "here", 1.0, 4.0, 8_000, frozenset({"tools"})),
        Model("linguist", "here", 2.0, 6.0, 32_000, frozenset({"json"})),
        Model("scholar", "there", 10.0, 30.0, 200_000, frozenset({"json", "tools"})),
        Model("tiny", "there", 0.1, 0.4, 4_000),
    )
)
# Chance of a right answer, [kind, model].
STRENGTH = np.array(
    [
        [0.95, 0.20, 0.65, 0.30],
        [0.15, 0.95, 0.65, 0.30],
        [0.95, 0.15, 0.65, 0.20],
        [0.30, 0.95, 0.65, 0.60],
        [0.90, 0.30, 0.65, 0.25],
        [0.20, 0.60, 0.95, 0.30],
    ]
)
# Mean tokens of an answer, [kind, model].
OUTPUT_TOKENS = np.array(
    [
        [120.0, 200.0, 240.0, 60.0],
        [30.0, 40.0, 50.0, 30.0],
        [80.0, 160.0, 200.0, 40.0],
        [10.0, 10.0, 20.0, 5.0],
        [40.0, 60.0, 60.0, 30.0],
        [50.0, 90.0, 150.0, 20.0],
    ]
)
# Few dials, so that a training takes about a second.
QUICK = TrainingConfig(
    neighbours=10,
    resolutions=(0.5, 1.0, 2.0),
    betas=(0.3,),
    min_task_size=12,
    folds=2,
    landmarks=96,
    rank=4,
    sharpnesses=(2.0,),
    penalties=(10.0,),
    shrinkages=(30.0,),
    alphas=(0.0, 0.5),
)


def kind_numbers(table: OutcomeTable) -> NDArray[np.int64]:
    """Position in `KINDS` of each prompt."""
    order = list(KINDS)
    return np.array([order.index(name) for name in table.benchmarks or ()])


def outcomes(prompts: int = 360, *, seed: int = 0) -> OutcomeTable:
    """A table of distinct prompts, evenly over the kinds, every outcome observed."""
    random = np.random.default_rng(seed)
    texts, kinds = _prompts(prompts, random)
    number = np.array([list(KINDS).index(kind) for kind in kinds])
    shape = (prompts, len(POOL))
    input_tokens = np.repeat([[len(text) / 4] for text in texts], len(POOL), axis=1).round()
    output_tokens = (OUTPUT_TOKENS[number] * random.uniform(0.7, 1.3, size=shape)).round()
    return OutcomeTable(
        prompt_ids=tuple(f"p{at:04}" for at in range(prompts)),
        prompts=tuple(texts),
        benchmarks=tuple(kinds),
        models=POOL.names,
        score=(random.uniform(size=shape) < STRENGTH[number]).astype(np.float64),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=token_cost(input_tokens, output_tokens),
        pool=POOL,
    )


def token_cost(input_tokens: Floats, output_tokens: Floats, pool: ModelPool = POOL) -> Floats:
    """USD of each call at the pool's prices."""
    price_in = np.array([model.input_usd_per_mtok for model in pool], dtype=np.float64)
    price_out = np.array([model.output_usd_per_mtok for model in pool], dtype=np.float64)
    return (input_tokens * price_in + output_tokens * price_out) / 1e6


def _prompts(count: int, random: Generator) -> tuple[list[str], list[str]]:
    texts: dict[str, str] = {}
    while len(texts) < count:
        kind = list(KINDS)[len(texts) % len(KINDS)]
        texts.setdefault(KINDS[kind](random), kind)
    return list(texts), list(texts.values())
