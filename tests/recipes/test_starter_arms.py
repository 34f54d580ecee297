"""The pool file of the recipe is what its arms say, and asks as the dataset was collected."""

from __future__ import annotations

from pathlib import Path

from finerouter.collecting import build_grader
from finerouter.collecting.prompts import prompt_of
from finerouter.pool import ModelPool
from finerouter.starter import starter_outcomes
from finerouter.upstream.apis import request_body
from recipes.starter import arms, prompts

POOL_FILE = Path(arms.__file__).with_name("pool.toml")


def test_the_pool_file_is_written_by_the_arms() -> None:
    assert POOL_FILE.read_text("utf-8") == arms.pool_toml()


def test_the_pool_has_the_models_and_prices_of_the_dataset() -> None:
    pool, shipped = ModelPool.read(POOL_FILE), starter_outcomes().pool
    assert pool.names == shipped.names
    for ours, theirs in zip(pool, shipped, strict=True):
        assert ours.input_usd_per_mtok == theirs.input_usd_per_mtok
        assert ours.output_usd_per_mtok == theirs.output_usd_per_mtok
        assert ours.context_window == theirs.context_window


def test_a_base_model_is_given_text_to_go_on_with() -> None:
    asking = ModelPool.read(POOL_FILE)["gemma3-270m-brief"].asking
    assert asking is not None
    body = request_body(asking, "What is 2 plus 2?")
    assert body["prompt"].startswith("Q: What is 14 + 3?\nA: 17\n\nQ: Say garage and nothing else.")
    assert body["prompt"].endswith("\n\nQ: What is 2 plus 2?\nA:")
    assert body["stop"] == ["\n"]
    assert (body["temperature"], body["max_tokens"]) == (0.0, 24)


def test_every_prompt_of_the_dataset_can_be_graded() -> None:
    grader = build_grader("by-row")
    rows = [prompts.row(item) for item in prompts.chosen(124)]
    assert [row["prompt_id"] for row in rows] == list(starter_outcomes().prompt_ids)
    assert not [row for row in rows if grader.lacks(prompt_of(row))]
