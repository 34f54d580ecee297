"""Two real language models, served on the loopback interface: collected, graded, trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest

from finerouter.collecting import build_grader, collect, read_prompts
from finerouter.collecting.request import asking_of
from finerouter.pool import Model, ModelPool
from finerouter.starter import starter_outcomes
from finerouter.upstream.apis import APIS, read_answer, request_body
from recipes.starter import prompts, reproduce
from recipes.starter.arms import pool_toml
from recipes.starter.serve import serving
from recipes.starter.weights import WEIGHTS

PACKAGES = ["xllamacpp", *(package for weights in WEIGHTS.values() for package, _ in weights.parts)]
ABSENT = [package for package in PACKAGES if find_spec(package) is None]
pytestmark = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT[:1])} is not installed: make local-models"
)
ARMS = ("smollm2-135m-direct", "gemma3-270m-brief")
# Three fixed parts, two of them of one model; two questions begin alike.
MIXED = (*ARMS, "smollm2-135m-fewshot")
QUESTIONS = ("Name a metal.", "Name a metal and a colour.", "What is 6 plus 3?")


@contextmanager
def served(folder: Path) -> Iterator[ModelPool]:
    """The pool of the starter dataset, at servers on free ports."""
    text = pool_toml()
    with ExitStack() as servers, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        for name, weights in WEIGHTS.items():
            address = servers.enter_context(serving(name, 0, folder=folder))
            text = re.sub(f"http://127.0.0.1:{weights.port}", address, text)
        path = folder / "pool.toml"
        path.write_text(text)
        yield ModelPool.read(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where weights that come in parts are joined."""
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[ModelPool]:
    with served(folder) as models:
        yield models


def test_they_are_collected_graded_and_agree_with_the_starter_dataset(
    pool: ModelPool, tmp_path: Path
) -> None:
    path = tmp_path / "prompts.jsonl"
    rows = [json.dumps(prompts.row(item)) for item in prompts.chosen(1)]
    path.write_text("\n".join(rows))
    grader = build_grader("by-row")
    found = read_prompts(path, check=grader.lacks)
    journal = tmp_path / "calls.sqlite"
    pool = pool.subset(ARMS)
    collected = collect(found.prompts, pool, grader, journal=journal, budget_usd=0.01)
    fresh = collected.outcomes
    assert fresh is not None
    assert fresh.score.shape == (13, 2)
    assert not np.isnan(fresh.score).any()
    assert 0 < collected.spending.spent_usd < 0.01
    shipped = reproduce.matching(fresh, starter_outcomes())
    np.testing.assert_array_equal(fresh.input_tokens, shipped.input_tokens)
    # On the processor that the dataset was made on they are all the same; another rounds otherwise.
    assert np.isclose(fresh.score, shipped.score, atol=1e-6).mean() >= 0.85

    again = collect(found.prompts, pool, grader, journal=journal)
    assert again.tally.calls == 0
    np.testing.assert_array_equal(again.outcomes.score, fresh.score)


def answers(pool: ModelPool, questions: Sequence[str]) -> dict[tuple[str, str], str]:
    """What each model says to each question, asked in this order."""
    return {
        (model.model, question): said(model, question) for question in questions for model in pool
    }


def said(model: Model, question: str) -> str:
    asking = asking_of(model)
    path = APIS[asking.endpoint.api].path
    content = json.dumps(request_body(asking, question)).encode()
    request = Request(
        asking.endpoint.base_url + path, content, {"content-type": "application/json"}
    )
    with build_opener(ProxyHandler({})).open(request, timeout=300) as response:
        return read_answer(asking, json.load(response)).text


def test_answers_are_the_same_in_another_order_and_after_a_restart(
    pool: ModelPool, folder: Path
) -> None:
    first = answers(pool.subset(MIXED), QUESTIONS)
    assert all(first.values())
    with served(folder) as restarted:
        assert answers(restarted.subset(MIXED[::-1]), QUESTIONS[::-1]) == first
