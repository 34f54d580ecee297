"""Descriptions and names from a chat model, against a server on the loopback interface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.collecting.questions import ask_all
from finerouter.errors import DataError, EndpointError, OutputError
from finerouter.outcomes import OutcomeTable
from finerouter.pool import Model, ModelPool
from finerouter.prompt import prompt_id
from finerouter.tasks.describing import describe_prompts, name_tasks
from finerouter.tasks.taxonomy import Task
from finerouter.training import TrainingConfig, train
from finerouter.upstream import Patience
from tests.loopback import LoopbackUpstream, Reply, chat_reply, serving

pytest.importorskip("aiohttp", reason="remote endpoints need the extra [remote]")

KEY = "sk-loopback-4711"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackUpstream]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    with serving() as running:
        running.chat = lambda question: chat_reply(f"Handle {request_in(question)[:9]}")
        yield running


@pytest.fixture
def endpoint(server: LoopbackUpstream) -> Endpoint:
    return Endpoint("here", server.url, key_env="LOOPBACK_KEY", timeout_s=10)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "answers" / "journal.sqlite"


def request_in(question: str) -> str:
    return question.split("<request>\n", 1)[1].split("\n</request>")[0]


def asking(endpoint: Endpoint, cache: Path, model: str = "writer", *, workers: int = 4):
    """A way to ask that journals in `cache`."""
    endpoint = replace(endpoint, max_concurrent=workers)

    def ask(questions: Sequence[str], report: Callable[[int, int], None]) -> list[str]:
        return ask_all(
            questions,
            Model(model, asking=Asking(endpoint, model)),
            journal=cache,
            progress=report,
            patience=Patience(max_retries=1, first_wait_s=0),
        )

    return ask


def describe(texts: list[str], endpoint: Endpoint, cache: Path, *, workers: int = 4, **options):
    return describe_prompts(texts, asking(endpoint, cache, workers=workers), **options)


def task(name: str = "old name", *, terms: tuple[str, ...] = ("sum",), pinned: bool = False):
    return Task(name, 30, terms, ("Add {1} and 2", "Add 3 and 4"), ("tiny",), 1.0, pinned)


def test_each_prompt_gets_its_own_phrase(server, endpoint, cache) -> None:
    texts = [f"number {at}" for at in range(30)] + ["{braces} and %s"]
    assert describe(texts, endpoint, cache) == [f"Handle {text[:9].strip()}" for text in texts]
    assert {request.path for request in server.requests} == {"/v1/chat/completions"}
    assert {request.body["model"] for request in server.requests} == {"writer"}


def test_the_same_text_is_asked_about_once_and_never_again(server, endpoint, cache) -> None:
    texts = ["one", "two", "one", "three", "two"]
    first = describe(texts, endpoint, cache)
    assert len(server.requests) == 3
    assert describe(texts, endpoint, cache) == first
    assert len(server.requests) == 3
    describe([*texts, "four"], endpoint, cache)
    assert len(server.requests) == 4


def test_another_model_is_asked_anew(server, endpoint, cache) -> None:
    describe(["one"], endpoint, cache)
    describe_prompts(["one"], asking(endpoint, cache, "other"))
    assert [request.body["model"] for request in server.requests] == ["writer", "other"]


def test_an_empty_list_asks_nothing(server, endpoint, cache) -> None:
    assert describe([], endpoint, cache) == []
    assert not server.requests


def test_goes_on_where_a_failing_endpoint_stopped(server, endpoint, cache) -> None:
    texts = [f"prompt {at}" for at in range(12)]
    answered: list[str] = []

    def failing_after_five(question: str) -> Reply:
        if len(answered) == 5:
            return Reply(status=400, body="down")
        answered.append(question)
        return chat_reply("a phrase")

    server.chat = failing_after_five
    with pytest.raises(EndpointError, match=r"5 of 12 answers are kept in .*run the same again"):
        describe(texts, endpoint, cache, workers=1)
    assert len(server.requests) == 6  # nothing new after the failure
    server.chat = lambda _: chat_reply("a phrase")
    assert describe(texts, endpoint, cache, workers=1) == ["a phrase"] * 12
    assert len(server.requests) == 12 + 1


def test_what_is_under_way_during_a_failure_is_kept(server, endpoint, cache) -> None:
    texts = [f"prompt {at}" for at in range(40)]
    failed: list[str] = []

    def now_and_then(question: str) -> Reply:
        if request_in(question) == "prompt 7" and not failed:
            failed.append(question)
            return Reply(status=400)
        return chat_reply("a phrase")

    server.chat = now_and_then
    with pytest.raises(EndpointError):
        describe(texts, endpoint, cache, workers=4)
    assert describe(texts, endpoint, cache, workers=4) == ["a phrase"] * 40
    assert len(server.requests) == 40 + 1


def test_a_passing_failure_is_retried(server, endpoint, cache) -> None:
    server.replies = [Reply(status=503)]
    assert describe(["one"], endpoint, cache) == ["Handle one"]


def test_somebody_elses_file_is_left_alone(endpoint, server, cache) -> None:
    cache.parent.mkdir()
    cache.write_text('{"prompt": "mine"}\n')
    with pytest.raises(DataError, match="is no journal of calls"):
        describe(["one"], endpoint, cache)
    assert cache.read_text() == '{"prompt": "mine"}\n'
    assert not server.requests


def test_a_file_that_cannot_be_made_is_told(endpoint, server, tmp_path) -> None:
    with pytest.raises(OutputError, match="choose another journal"):
        describe(["one"], endpoint, tmp_path)
    assert not server.requests


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ('  "Solve an arithmetic word problem."\nIt asks for a sum.', "solve an arithmetic"),
        ("**Task type:** write a C# program in C#", "write a C# program in C#"),
        ("## - translate a sentence", "translate a sentence"),
        ("<think>\nA sum?\n</think>\n\nadd numbers", "add numbers"),
        ("将句子翻译成英文", "将句子翻译成英文"),
        (" ".join(f"word{at}" for at in range(20)), " ".join(f"word{at}" for at in range(12))),
    ],
)
def test_answers_are_cleaned(server, endpoint, cache, answer: str, phrase: str) -> None:
    server.chat = lambda _: chat_reply(answer)
    (found,) = describe(["one"], endpoint, cache)
    assert found.lower().startswith(phrase.lower())
    assert "\n" not in found
    assert len(found.split()) <= 12


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        " \n ",
        '"..."',
        "42",
        "<think>I never came to an end",
        "I'm sorry, but I cannot help with that.",
        "Here is the phrase:",
        "Sure! The sum is",
        "blah " * 200,
    ],
)
def test_nonsense_means_the_prompt_itself_and_is_not_asked_again(
    server, endpoint, cache, answer: str | None
) -> None:
    server.chat = lambda _: chat_reply(answer)
    assert describe(["one"], endpoint, cache) == [""]
    assert describe(["one"], endpoint, cache) == [""]
    assert len(server.requests) == 1


def test_a_reply_without_a_message_is_an_endpoint_error(server, endpoint, cache) -> None:
    server.chat = lambda _: Reply(body='{"choices": []}')
    with pytest.raises(EndpointError, match="holds no answer"):
        describe(["one"], endpoint, cache)


def test_long_prompts_are_shown_head_and_tail(server, endpoint, cache) -> None:
    text = "HEAD " + "x" * 100_000 + " TAIL"
    server.chat = lambda _: chat_reply("a phrase")
    describe([text, text.replace("x", "y"), "\ud83d lone"], endpoint, cache)
    shown = [request_in(request.body["messages"][-1]["content"]) for request in server.requests]
    assert max(map(len, shown)) < 5_000
    assert sum(each.startswith("HEAD") and each.endswith("TAIL") for each in shown) == 2


def test_progress_ends_with_all_of_them(endpoint, cache) -> None:
    describe(["one", "two"], endpoint, cache)
    seen: list[tuple[str, int, int]] = []
    describe(["one", "two", "three"], endpoint, cache, progress=lambda *report: seen.append(report))
    assert seen[0] == ("describing", 0, 3)
    assert seen[-1] == ("describing", 3, 3)


def test_the_key_is_sent_and_written_nowhere(server, endpoint, cache, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    describe(["one"], endpoint, cache)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    server.chat = lambda _: Reply(status=401, body=f"{KEY} is no key")
    with pytest.raises(EndpointError) as caught:
        describe(["two"], endpoint, cache)
    assert "LOOPBACK_KEY" in str(caught.value)
    assert KEY not in str(caught.value) + caplog.text + repr(endpoint)
    assert KEY.encode() not in b"".join(path.read_bytes() for path in cache.parent.iterdir())


def test_names_are_short_unique_and_asked_for_once(server, endpoint, cache) -> None:
    server.chat = lambda _: chat_reply('"Adding up of many small numbers"')
    tasks = [task(terms=(word,)) for word in ("sum", "plus", "total")]
    names = name_tasks(tasks, asking(endpoint, cache))
    assert names[0] == "Adding up of many small"
    assert names[1:] == ["Adding up of many small (2)", "Adding up of many small (3)"]
    assert name_tasks(tasks, asking(endpoint, cache)) == names
    assert len(server.requests) == 3
    question = server.requests[0].body["messages"][-1]["content"]
    assert "Add {1} and 2" in question


def test_pinned_tasks_keep_their_names_and_nobody_else_gets_them(server, endpoint, cache) -> None:
    server.chat = lambda _: chat_reply("My Own")
    tasks = [task(), task("my own", pinned=True), task("second", terms=("plus",))]
    names = name_tasks(tasks, asking(endpoint, cache))
    assert names == ["My Own (2)", "my own", "My Own (3)"]
    assert len(server.requests) == 2


def test_a_task_without_a_usable_name_keeps_the_old_one(server, endpoint, cache) -> None:
    server.chat = lambda _: chat_reply("??")
    bare = Task("task 2", 30, (), (), ("tiny",), 1.0)
    names = name_tasks([task("sum add"), bare], asking(endpoint, cache))
    assert names == ["sum add", "task 2"]
    assert len(server.requests) == 1  # a task with nothing to show is not asked about


def test_descriptions_and_names_share_a_file(server, endpoint, cache) -> None:
    describe(["one"], endpoint, cache)
    server.chat = lambda _: chat_reply("Sums")
    assert name_tasks([task()], asking(endpoint, cache)) == ["Sums"]
    assert describe(["one"], endpoint, cache) == ["Handle one"]
    assert len(server.requests) == 2


# What training makes of descriptions.

CONFIG = TrainingConfig(
    neighbours=8,
    resolutions=(0.5,),
    betas=(0.0,),
    levels=1,
    min_task_size=12,
    folds=2,
    landmarks=32,
    rank=2,
    sharpnesses=(2.0,),
    penalties=(10.0,),
    shrinkages=(30.0,),
    alphas=(0.0, 0.5),
)
KINDS = ("write a short poem about nature", "convert a measurement to other units")


def alike(count: int = 120) -> tuple[OutcomeTable, np.ndarray]:
    """Prompts of one wording whose kinds only a description can tell, and these kinds."""
    random = np.random.default_rng(0)
    words = ["river", "stone", "cloud", "lamp", "garden", "window", "ticket", "marble"]
    prompts = [
        f"Take item {at} and the {first} with the {second}, then answer as before."
        for at, (first, second) in enumerate(random.choice(words, size=(count, 2)))
    ]
    pool = ModelPool((Model("one"), Model("two")))
    score = random.integers(2, size=(count, 2)).astype(np.float64)
    nothing = np.full_like(score, np.nan)
    table = OutcomeTable(
        prompt_ids=tuple(map(prompt_id, prompts)),
        prompts=tuple(prompts),
        benchmarks=None,
        models=pool.names,
        score=score,
        input_tokens=nothing,
        output_tokens=nothing,
        cost_usd=nothing,
        pool=pool,
    )
    return table, np.arange(count) % 2


def purity(labels: np.ndarray, kinds: np.ndarray) -> float:
    """Share of prompts that are of their task's commoner kind."""
    counts = [np.bincount(kinds[labels == label]).max() for label in np.unique(labels)]
    return float(sum(counts) / len(kinds))


def test_tasks_are_found_on_descriptions() -> None:
    table, kinds = alike()
    described = train(table, CONFIG, descriptions=[KINDS[kind] for kind in kinds])
    assert purity(described.training.labels, kinds) > 0.95
    assert purity(train(table, CONFIG).training.labels, kinds) < 0.8


def test_a_prompt_without_a_description_stands_for_itself() -> None:
    table, _ = alike()
    plain = train(table, CONFIG)
    blank = train(table, CONFIG, descriptions=[""] * len(table))
    assert (blank.training.labels == plain.training.labels).all()


def test_descriptions_must_fit_the_prompts() -> None:
    table, _ = alike()
    with pytest.raises(DataError, match="119 descriptions for 120 prompts"):
        train(table, CONFIG, descriptions=["a phrase"] * 119)


def test_routers_take_other_task_names() -> None:
    table, kinds = alike()
    router = train(table, CONFIG, descriptions=[KINDS[kind] for kind in kinds])
    names = [f"Kind {at}" for at in range(len(router.tasks))]
    renamed = router.renamed(names)
    assert renamed.task_names == tuple(names)
    assert renamed.estimate(["Take item 3"]).tasks == list(names)
    np.testing.assert_array_equal(
        renamed.estimate(["Take item 3"]).quality, router.estimate(["Take item 3"]).quality
    )
    with pytest.raises(DataError, match="names for"):
        router.renamed(names[1:])
    with pytest.raises(DataError, match="'same'"):
        router.renamed(["same"] * len(names))
