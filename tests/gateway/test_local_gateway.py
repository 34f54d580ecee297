"""Two real language models behind a real gateway, with the starter dataset's own ways of asking."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

import openai
import pytest

from finerouter.starter import starter_outcomes
from finerouter.training import train
from recipes.starter.arms import pool_toml
from recipes.starter.serve import serving
from recipes.starter.weights import WEIGHTS
from tests import synthetic
from tests.gateway.running import Gateway, running

PACKAGES = ["xllamacpp", *(package for weights in WEIGHTS.values() for package, _ in weights.parts)]
ABSENT = [package for package in PACKAGES if find_spec(package) is None]
pytestmark = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT[:1])} is not installed: make local-models"
)
# A base model that continues a text, and one that chats.
TEXT_ARM = "gemma3-270m-brief"
CHAT_ARM = "smollm2-135m-direct"
CAPITAL = "What is the capital of France?"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """In front of both models, with a router of the starter dataset."""
    folder = tmp_path_factory.mktemp("local")
    _, some = starter_outcomes().split(test_size=0.3, seed=0)
    train(some, synthetic.QUICK).save(folder / "router")
    pool = pool_toml()
    with ExitStack() as opened, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        for name, weights in WEIGHTS.items():
            address = opened.enter_context(serving(name, 0, folder=folder))
            pool = re.sub(f"http://127.0.0.1:{weights.port}", address, pool)
        yield opened.enter_context(running(folder, folder / "router", pool))


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="none", base_url=f"{gateway.url}/v1", max_retries=0, timeout=30
    ) as made:
        yield made


def asked(prompt: str) -> Any:
    return [{"role": "user", "content": prompt}]


@pytest.mark.parametrize("model", ["auto", TEXT_ARM, CHAT_ARM])
def test_a_real_answer_comes_whole_and_streamed(
    gateway: Gateway, client: openai.OpenAI, model: str
) -> None:
    whole = client.chat.completions.create(model=model, messages=asked(CAPITAL))
    stream = client.chat.completions.create(
        model=model,
        messages=asked(CAPITAL),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert re.search("[A-Za-z]{3}", said)
    assert said.strip() == (whole.choices[0].message.content or "").strip()
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    streamed, first = gateway.records()[:2]
    for record, usage in ((first, whole.usage), (streamed, chunks[-1].usage)):
        assert record.outcome == "ok"
        assert not record.tokens.estimated
        assert (record.tokens.input, record.tokens.output) == (
            usage.prompt_tokens,
            usage.completion_tokens,
        )
        assert record.cost_usd > 0
    assert (first.task is not None) == (model == "auto")


def test_a_base_model_is_shown_its_examples(gateway: Gateway, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=TEXT_ARM, messages=asked("What is 2 + 3?"))
    # Bare, it would go on with more questions; shown how, it writes a number and ends the line.
    assert re.fullmatch(r" ?\d+", answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert gateway.records()[0].tokens.input > 80


def test_all_apis_are_answered_by_a_base_model(client: openai.OpenAI, gateway: Gateway) -> None:
    response = client.responses.create(model=TEXT_ARM, input=CAPITAL)
    assert "Paris" in response.output_text
    body = {"model": TEXT_ARM, "max_tokens": 24, "messages": asked(CAPITAL)}
    message = gateway.post("/v1/messages", body).json
    assert "Paris" in message["content"][0]["text"]
    assert message["usage"]["output_tokens"] > 0


def test_kinds_of_prompts_get_models_of_their_own(gateway: Gateway) -> None:
    prompts = (
        'Translate the French word "fleur" into English.',
        "What is 7 + 5?",
        "Put 31, 12, 24 in increasing order.",
        "Is 130 larger than 250? Answer yes or no.",
    )
    told = [gateway.post("/v1/route", {"prompt": prompt}).json for prompt in prompts]
    assert len({item["model"] for item in told}) > 1
    assert all(item["task"] for item in told)


def test_who_leaves_a_stream_leaves_the_model_free(gateway: Gateway, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=CHAT_ARM, messages=asked("Count to a hundred."), max_tokens=400, stream=True
    )
    next(iter(stream))
    stream.close()
    until = time.monotonic() + 10
    while gateway.service.parts.fleet.standing()[0].under_way:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert gateway.records()[0].outcome == "cancelled"
