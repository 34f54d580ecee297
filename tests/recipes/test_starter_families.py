"""The generator is deterministic, its references are right, and the shipped data are its own."""

import json
import math
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finerouter.collecting import build_grader
from finerouter.collecting.graders.grade import Pointwise
from finerouter.collecting.prompts import prompt_of
from finerouter.pool import ModelPool
from finerouter.upstream.apis import request_body
from recipes.starter import arms
from recipes.starter.families import FAMILIES, PER_FAMILY, Item, generate
from recipes.starter.prompts import GRADERS
from recipes.starter.prompts import row as row_of

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "src" / "finerouter" / "starter"
POOL_FILE = ROOT / "recipes" / "starter" / "pool.toml"
ITEMS = generate()
FEWEST_PROMPTS = 1500
FEWEST_FAMILIES = 8


def shipped(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(SHIPPED / name).to_pylist()
    return rows


def renderings(item: Item) -> list[str]:
    """Ways in which a model may put the right answer."""
    answer = item.reference.split("|")[0]
    return [answer, f" {answer}\n", f"Let me think. Answer: {answer}", f"{answer}\n\nQ: next?"]


def wrong_answer(item: Item) -> str:
    match item.grader:
        case "number":
            return str(int(item.reference) + 1)
        case "label":
            return next(choice for choice in item.choices if choice != item.reference)
        case "json_fields":
            return '{"something": "else"}'
        case _:
            return "quux"


def test_same_seed_same_prompts_and_another_seed_others() -> None:
    assert generate() == ITEMS
    assert {i.prompt for i in generate(seed=1)} != {i.prompt for i in ITEMS}


def test_prompts_are_many_distinct_and_evenly_spread() -> None:
    assert len({item.prompt for item in ITEMS}) == len({i.prompt_id for i in ITEMS}) == len(ITEMS)
    assert len(ITEMS) >= FEWEST_PROMPTS
    assert len(FAMILIES) >= FEWEST_FAMILIES
    assert Counter(item.family for item in ITEMS) == dict.fromkeys(FAMILIES, PER_FAMILY)


def test_prompts_are_plain_text_without_holes() -> None:
    for item in ITEMS:
        assert item.prompt == item.prompt.strip()
        if item.grader != "json_fields":
            assert "{" not in item.prompt


def grade(item: Item, text: str) -> float | None:
    """The score that collecting would give."""
    line = row_of(item)
    grader = build_grader(str(line["grader"]))
    assert isinstance(grader, Pointwise)
    return grader.score(prompt_of(line), text).score


@pytest.mark.parametrize("family", FAMILIES)
def test_grader_accepts_the_reference_and_rejects_a_wrong_answer(family: str) -> None:
    for item in (item for item in ITEMS if item.family == family):
        assert item.grader in GRADERS
        assert [grade(item, text) for text in renderings(item)] == [1.0] * 4, item
        assert grade(item, wrong_answer(item)) == 0.0, item


def test_answers_within_a_label_family_are_balanced() -> None:
    for family in ("sentiment", "yes_no"):
        references = Counter(item.reference for item in ITEMS if item.family == family)
        assert max(references.values()) < 0.6 * PER_FAMILY


def test_no_example_of_an_arm_is_in_the_dataset() -> None:
    examples = {question for arm in arms.ARMS for question, _ in arm.examples}
    assert examples.isdisjoint(item.prompt for item in ITEMS)


def test_no_demo_prompt_is_in_the_dataset() -> None:
    demo = (ROOT / "recipes" / "starter" / "demo_prompts.txt").read_text().splitlines()
    assert demo
    assert {item.prompt for item in ITEMS}.isdisjoint(demo)


def test_an_arm_asks_every_prompt_in_the_same_way() -> None:
    for model in ModelPool.read(POOL_FILE):
        assert model.asking is not None
        asked = request_body(model.asking, "<prompt>")
        other = request_body(model.asking, "<other>")
        assert json.dumps(asked).replace("<prompt>", "<other>") == json.dumps(other)
        assert asked["temperature"] == 0.0


def test_shipped_prompts_are_the_generated_ones() -> None:
    assert shipped("prompts.parquet") == [
        {
            "prompt_id": item.prompt_id,
            "benchmark": item.family,
            "category": item.category,
            "prompt": item.prompt,
        }
        for item in ITEMS
    ]


def test_every_arm_has_an_outcome_for_every_prompt() -> None:
    pairs = Counter((row["prompt_id"], row["model"]) for row in shipped("outcomes.parquet"))
    assert pairs == Counter((item.prompt_id, arm.name) for item in ITEMS for arm in arms.ARMS)


def test_outcomes_are_numbers_within_their_bounds() -> None:
    for row in shipped("outcomes.parquet"):
        score, cost = row["score"], row["cost_usd"]
        assert isinstance(score, float)
        assert isinstance(cost, float)
        assert 0.0 <= score <= 1.0
        assert math.isfinite(cost)
        assert cost > 0.0


def test_costs_follow_from_tokens_and_the_pool() -> None:
    pool = tomllib.loads((SHIPPED / "pool.toml").read_text())["models"]
    prices = {m["model"]: (m["input_usd_per_mtok"], m["output_usd_per_mtok"]) for m in pool}
    assert list(prices) == [arm.name for arm in arms.ARMS]
    for row in shipped("outcomes.parquet"):
        input_price, output_price = prices[row["model"]]
        usd = row["input_tokens"] * input_price + row["output_tokens"] * output_price
        assert row["cost_usd"] == pytest.approx(usd / 1e6)


def test_no_single_arm_is_best_in_all_families_nor_is_the_cheapest_best() -> None:
    family = {item.prompt_id: item.family for item in ITEMS}
    by_family: defaultdict[str, Counter[str]] = defaultdict(Counter)
    total, cost = Counter[str](), Counter[str]()
    for row in shipped("outcomes.parquet"):
        arm = row["model"]
        by_family[family[row["prompt_id"]]][arm] += row["score"]
        total[arm] += row["score"]
        cost[arm] += row["cost_usd"]
    winners = {scores.most_common(1)[0][0] for scores in by_family.values()}
    assert len(winners) > 1
    assert total.most_common(1)[0][0] != cost.most_common()[-1][0]
