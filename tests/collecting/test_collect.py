"""Collecting from a server on the loopback interface: money, resuming, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finerouter.asking import Parameters
from finerouter.collecting import Collected, Panel, Prompt, build_grader, collect
from finerouter.collecting.estimate import quote
from finerouter.collecting.graders.grade import Grade, Pointwise
from finerouter.collecting.journal import Journal, Spending
from finerouter.collecting.request import check_askable, question_of
from finerouter.errors import ConfigError, DataError, PoolError
from finerouter.outcomes import OutcomeTable
from finerouter.pool import Model, ModelPool
from finerouter.upstream import Patience
from tests.collecting.conftest import model
from tests.loopback import FAULTS, Call, Fault, LoopbackUpstream, Reply, serving

KEY = "sk-collecting-0815"
QUICK = Patience(max_retries=3, first_wait_s=0.0)
PROMPTS = [Prompt(f"p{at}", f"Say {at}", "even" if at % 2 else "odd") for at in range(12)]


def even_is_right(prompt: Prompt, text: str) -> Grade:
    assert text == f"You said: {prompt.text}"
    return Grade.of(int(prompt.text.split()[-1]) % 2 == 0, reason="the number's")


def odd_is_unclear(prompt: Prompt, _: str) -> Grade:
    odd = int(prompt.text.split()[-1]) % 2
    return Grade(None, "cannot tell") if odd else Grade(1.0, "even")


EVEN = Pointwise(even_is_right)
ANYTHING = Pointwise(lambda *_: Grade(1.0, "anything goes"))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)


def run(pool: ModelPool, journal: Path, **options: Any) -> Collected:
    options = {"patience": QUICK, "journal": journal} | options
    return collect(options.pop("prompts", PROMPTS), pool, options.pop("grader", EVEN), **options)


def test_every_pair_becomes_an_outcome(server, pool, journal) -> None:
    collected = run(pool, journal)
    outcomes = collected.outcomes
    assert outcomes is not None
    assert outcomes.models == ("small", "large")
    np.testing.assert_array_equal(outcomes.score, [[1, 1], [0, 0]] * 6)
    np.testing.assert_allclose(
        outcomes.cost_usd, (outcomes.input_tokens + 2 * outcomes.output_tokens) / 1e6
    )
    assert outcomes.benchmarks == ("odd", "even") * 6
    assert collected.spending.spent_usd == pytest.approx(outcomes.cost_usd.sum())
    assert len(server.requests) == 24
    bodies = {call.body["model"]: call.body for call in server.requests}
    assert bodies["large"]["max_tokens"] == 100
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_nothing_is_asked_or_paid_for_twice(server, pool, journal) -> None:
    first = run(pool, journal)
    second = run(pool, journal)
    assert len(server.requests) == 24
    assert second.tally.calls == 0
    assert second.tally.from_journal == 24
    np.testing.assert_array_equal(first.outcomes.score, second.outcomes.score)
    np.testing.assert_array_equal(first.outcomes.cost_usd, second.outcomes.cost_usd)
    assert second.spending.spent_usd == first.spending.spent_usd


def test_only_the_pairs_wanted_are_asked(server, pool, journal) -> None:
    pairs = [("p4", "large"), ("p1", "small"), ("p4", "small"), ("p4", "large")]
    outcomes = run(pool, journal, pairs=pairs).outcomes
    assert sorted(server.billed) == [("large", "Say 4"), ("small", "Say 1"), ("small", "Say 4")]
    assert outcomes.prompt_ids == ("p1", "p4")
    np.testing.assert_array_equal(np.isnan(outcomes.score), [[False, True], [False, False]])
    with pytest.raises(DataError, match="no prompt has the id 'p99'"):
        run(pool, journal, pairs=[("p99", "small")])
    with pytest.raises(PoolError, match="'huge' is not in the pool"):
        run(pool, journal, pairs=[("p1", "huge")])


def test_what_the_journal_knows_is_kept_beside_the_pairs_wanted(pool, journal) -> None:
    run(pool, journal, pairs=[("p4", "large"), ("p1", "small")])
    alone = run(pool, journal, pairs=[("p0", "small")])
    assert alone.outcomes.prompt_ids == ("p0",)
    grown = run(pool, journal, pairs=[("p4", "small"), ("p0", "small")], keep_known=True)
    assert (grown.tally.calls, grown.tally.from_journal) == (1, 3)
    assert grown.outcomes.prompt_ids == ("p0", "p1", "p4")
    known = [[True, False], [True, False], [True, True]]
    np.testing.assert_array_equal(~np.isnan(grown.outcomes.score), known)
    # Where nothing more may be spent, what is known stays.
    stopped = run(pool, journal, pairs=[("p8", "small")], keep_known=True, budget_usd=1e-9)
    np.testing.assert_array_equal(stopped.outcomes.score, grown.outcomes.score)


def test_the_cache_knows_model_parameters_and_prompt(server, journal) -> None:
    same = [model(server, "a", upstream_model="m"), model(server, "b", upstream_model="m")]
    warm = Parameters(max_tokens=100, temperature=1.0)
    pool = ModelPool((*same, model(server, "c", upstream_model="m", parameters=warm)))
    prompts = [Prompt("p", "Say 2"), Prompt("q", "Say 2"), Prompt("r", "Say 4")]
    outcomes = run(pool, journal, prompts=prompts).outcomes
    # One call for a and b together, one for c, for each of two texts.
    assert len(server.requests) == 4
    assert outcomes.score.shape == (3, 3)


def test_another_port_is_the_same_endpoint(pool, journal) -> None:
    run(pool, journal)
    with serving() as elsewhere:
        moved = ModelPool((model(elsewhere, "small"), model(elsewhere, "large")))
        assert run(moved, journal).tally.calls == 0


def test_arms_share_an_endpoint(server, journal) -> None:
    arms = ModelPool(
        tuple(
            model(server, f"m-{effort}", upstream_model="m", parameters=Parameters(
                reasoning_effort=effort, system="Be brief.", examples=(("1+1?", "2"),),
                template="Q: {prompt}", max_tokens=50, body={"future": [None]},
            ))
            for effort in ("low", "high")
        )
    )  # fmt: skip
    run(arms, journal, prompts=[Prompt("p", "2+2?")], grader=ANYTHING)
    bodies = [call.body for call in server.requests]
    assert {body["reasoning_effort"] for body in bodies} == {"low", "high"}
    assert bodies[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Q: 1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Q: 2+2?"},
    ]
    assert bodies[0]["future"] == [None]
    assert bodies[0]["model"] == "m"


# Money.


def test_a_budget_is_never_exceeded_and_what_was_paid_for_is_kept(server, pool, journal) -> None:
    budget = 1.5 * max(question_of(m, p.text).most_usd for p in PROMPTS for m in pool)
    collected = run(pool, journal, budget_usd=budget)
    assert collected.tally.stopped == "the budget is used up"
    assert 0 < collected.scored < 24
    assert collected.spending.spent_usd <= budget
    assert collected.scored == len(server.requests)
    assert set(collected.missing["small"]) == {"the budget is used up"}
    # Answers cost less than they could: a second run with the same budget has something left.
    again = run(pool, journal, budget_usd=budget)
    assert again.spending.spent_usd <= budget
    assert run(pool, journal).scored == 24
    assert max(server.billed.values()) == 1


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1.2), faults=st.lists(st.sampled_from([None, *FAULTS.values()])))
def test_no_budget_is_exceeded_whatever_the_endpoint_does(
    tmp_path_factory, share: float, faults: list[Fault | None]
) -> None:
    journal = tmp_path_factory.mktemp("budget") / "calls.sqlite"
    with pytest.MonkeyPatch.context() as patch, serving() as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        server.faults = list(faults)
        pool = ModelPool((model(server, "small", endpoint={"max_concurrent": 3}),))
        budget = share * sum(question_of(pool["small"], p.text).most_usd for p in PROMPTS)
        spending = run(pool, journal, budget_usd=budget).spending
        billed = server.billed_tokens
        assert spending.spent_usd + spending.perhaps_usd <= budget + 1e-12
        assert (billed["input"] + 2 * billed["output"]) / 1e6 <= budget


def test_a_budget_of_nothing_asks_nothing(server, pool, journal) -> None:
    collected = run(pool, journal, budget_usd=0.0)
    assert collected.outcomes is None
    assert not server.requests


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"input_usd_per_mtok": None}, "has no price"),
        ({"parameters": Parameters()}, "may answer at any length"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(server, journal, change, told) -> None:
    with pytest.raises(PoolError, match=told):
        run(ModelPool((model(server, "m", **change),)), journal, budget_usd=1.0)
    assert not server.requests


def test_a_model_without_an_endpoint_is_told() -> None:
    with pytest.raises(PoolError, match="'m' has no endpoint; give it"):
        check_askable([Model("m")], budget_usd=None)


def test_an_estimate_brackets_the_price(server, pool, journal) -> None:
    texts = [prompt.text for prompt in PROMPTS]
    opened = Journal(journal)
    before = [quote(each, texts, opened) for each in pool]
    opened.close()
    assert not server.requests
    spent = run(pool, journal).spending.spent_usd
    assert sum(each.calls for each in before) == 24
    assert spent <= sum(each.most_usd for each in before)
    assert all(each.assumed for each in before)

    more = [f"Say {at}" for at in range(100, 112)]
    opened = Journal(journal)
    after = [quote(each, texts + more, opened) for each in pool]
    opened.close()
    assert [(each.calls, each.known, each.assumed) for each in after] == [(12, 12, False)] * 2
    assert sum(each.expected_usd for each in after) == pytest.approx(spent, rel=0.1)


def test_cached_and_reasoning_tokens_are_priced(server, journal) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 800},
        "completion_tokens_details": {"reasoning_tokens": 400},
    }
    message = {"choices": [{"message": {"content": "You said: Say 2"}}], "usage": usage}
    anthropic = {
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "You said: Say 2"},
        ],
        "usage": {
            "input_tokens": 100,
            "cache_read_input_tokens": 800,
            "cache_creation_input_tokens": 100,
            "output_tokens": 500,
        },
    }
    prices = {"cached_input_usd_per_mtok": 0.1, "cache_write_usd_per_mtok": 2.0}
    claude = {"at": "there", "endpoint": {"api": "messages"}, **prices}
    pool = ModelPool((model(server, "gpt", **prices), model(server, "claude", **claude)))
    for name, reply in (("gpt", message), ("claude", anthropic)):
        server.replies = [Reply(body=json.dumps(reply))]
        outcomes = run(pool.subset([name]), journal, prompts=[Prompt("p", "Say 2")]).outcomes
        expected = {"gpt": 200 + 80 + 1000, "claude": 100 + 80 + 200 + 1000}[name]
        assert outcomes.cost_usd[0, 0] == pytest.approx(expected / 1e6)
        assert (outcomes.input_tokens[0, 0], outcomes.output_tokens[0, 0]) == (1000, 500)
    assert server.requests[1].path == "/v1/messages"
    assert server.requests[1].headers["x-api-key"] == KEY


def test_without_token_counts_the_most_is_counted(server, pool, journal) -> None:
    server.report_usage = False
    collected = run(pool, journal, prompts=PROMPTS[:1])
    assert np.isnan(collected.outcomes.cost_usd).all()
    most = sum(question_of(each, PROMPTS[0].text).most_usd for each in pool)
    assert collected.spending.spent_usd == pytest.approx(most)


@pytest.mark.parametrize("spec", ["pairwise:typo", "pairwise"])
def test_nothing_is_paid_for_where_answers_could_not_be_compared(
    server, pool, journal, spec: str
) -> None:
    kin = "kin" if spec == "pairwise" else "third"
    panel = Panel(ModelPool((model(server, "judge", family=kin),)))
    with pytest.raises(ConfigError):
        run(pool, journal, grader=build_grader(spec, panel))
    rows = [Prompt("p", "Say 2", fields={"grader": spec})]
    with pytest.raises(ConfigError):
        run(pool, journal, prompts=rows, grader=build_grader("by-row", panel))
    assert not server.requests


def test_calls_without_prices_are_counted_because_no_budget_holds_them(server, journal) -> None:
    unpriced = {"input_usd_per_mtok": None, "output_usd_per_mtok": None}
    run(ModelPool((model(server, "m", **unpriced),)), journal)
    later = run(ModelPool((model(server, "m"), model(server, "n"))), journal, budget_usd=1.0)
    assert later.earlier == Spending(0.0, 0.0, 12)
    assert later.spending.unknown == 12
    assert later.spending.spent_usd > 0


@pytest.mark.parametrize(
    ("body", "answers"),
    [({}, 1), ({"n": 3}, 3), ({"best_of": 5, "n": 2}, 5), ({"n": 0}, 1), ({"n": -7}, 1)],
)
def test_a_call_may_cost_all_answers_it_asks_for(server, body: dict, answers: int) -> None:
    free_input = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 10_000.0}
    asked = model(server, "m", parameters=Parameters(max_tokens=100, body=body), **free_input)
    assert question_of(asked, "x").most_usd == pytest.approx(answers)


# Trouble.


def test_a_fifth_of_all_calls_may_fail(server, pool, journal) -> None:
    kinds = [*FAULTS.values(), Fault.status(500), Fault.status(429, retry_after="0.01")]

    def misbehave(call: Call) -> Fault | None:
        return kinds[call.number // 5 % len(kinds)] if call.number % 5 == 0 else None

    server.misbehave = misbehave
    collected = run(pool, journal)
    assert collected.scored == 24
    assert collected.spending.perhaps_usd > 0  # hang-ups and garbage may have been billed


def test_a_refused_key_stops_that_model_only(server, journal, monkeypatch) -> None:
    server.key = KEY
    monkeypatch.setenv("WRONG_KEY", "sk-wrong-4711")
    wrong = {"at": "there", "endpoint": {"key_env": "WRONG_KEY", "max_concurrent": 1}}
    pool = ModelPool((model(server, "good"), model(server, "bad", **wrong)))
    collected = run(pool, journal)
    assert collected.outcomes.models == ("good",)
    assert collected.scored == 12
    (reason,) = set(collected.missing["bad"])
    assert "set WRONG_KEY to a valid key" in reason
    assert "sk-wrong" not in reason
    assert sum(call.body["model"] == "bad" for call in server.requests) == 1
    written = b"".join(path.read_bytes() for path in journal.parent.iterdir() if path.is_file())
    assert b"sk-" not in written


def test_an_unreadable_key_file_stops_that_model_only(server, journal, tmp_path) -> None:
    lost = {"at": "there", "endpoint": {"key_env": None, "key_file": str(tmp_path / "none")}}
    collected = run(ModelPool((model(server, "good"), model(server, "bad", **lost))), journal)
    assert collected.scored == 12
    assert "key file" in collected.tally.stopped_models["bad"]


def test_a_dead_endpoint_is_given_up(server, journal) -> None:
    server.misbehave = lambda call: Fault.status(500) if call.body["model"] == "dead" else None
    prompts = [Prompt(f"p{at}", f"Say {at}") for at in range(40)]
    pool = ModelPool((model(server, "dead", at="there"), model(server, "well")))
    collected = run(pool, journal, prompts=prompts, patience=Patience(max_retries=0))
    assert collected.scored == 40
    asked = sum(call.body["model"] == "dead" for call in server.requests)
    assert 10 <= asked <= 14  # ten in a row, and what was under way
    assert run(pool, journal, prompts=prompts).tally.calls > 0  # failures are asked again


def test_what_cannot_be_graded_is_missing_not_zero(pool, journal) -> None:
    collected = run(pool, journal, grader=Pointwise(odd_is_unclear))
    assert collected.scored == 12
    assert np.isnan(collected.outcomes.score).sum() == 0  # rows without a score are left out
    assert collected.missing["small"] == {"not graded: cannot tell": 6}


def test_two_runs_cannot_share_a_journal(pool, journal) -> None:
    held = Journal(journal)
    with pytest.raises(DataError, match="another run holds this journal"):
        run(pool, journal)
    held.close()
    assert run(pool, journal).scored == 24


@pytest.mark.parametrize("content", [b"not a database at all", b"\x00" * 5000])
def test_somebody_elses_file_is_left_alone(pool, journal, content: bytes) -> None:
    journal.write_bytes(content)
    with pytest.raises(DataError, match="choose another"):
        run(pool, journal)
    assert journal.read_bytes() == content
    journal.unlink()
    with sqlite3.connect(journal) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(DataError, match="another program's database"):
        run(pool, journal)


# Kills. The child collects until it is killed; the server counts what it served.

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.collecting import test_collect as here
from tests.loopback import LoopbackUpstream
server = LoopbackUpstream()
server.port = {port}
pool = here.ModelPool((here.model(server, "small"), here.model(server, "large")))
here.run(pool, Path({journal!r}))
"""


def child(server: LoopbackUpstream, journal: Path) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    code = CHILD.format(root=root, port=server.port, journal=str(journal))
    return subprocess.Popen([sys.executable, "-c", code], cwd=root)


def wait_for(server: LoopbackUpstream, calls: int) -> None:
    until = time.monotonic() + 30
    while sum(server.billed.values()) < calls and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize("at", [1, 9, 17])
def test_after_a_kill_nothing_is_paid_for_twice(server, pool, journal, at: int) -> None:
    server.delay_s = 0.03
    process = child(server, journal)
    wait_for(server, at)
    process.send_signal(signal.SIGKILL)
    process.wait()
    served = sum(server.billed.values())
    assert at <= served < 24

    server.delay_s = 0.0
    time.sleep(0.05)  # what the killed process had sent is worked on all the same
    collected = run(pool, journal)
    assert max(server.billed.values()) == 1
    assert collected.tally.in_doubt <= 4  # as many as may be under way
    assert collected.scored == 24 - collected.tally.in_doubt
    assert collected.earlier.perhaps_usd >= 0

    # Whoever wants all of them says so, and pays again for those in doubt alone.
    complete = run(pool, journal, ask_again=True)
    assert complete.scored == 24
    assert complete.tally.calls == collected.tally.in_doubt


def test_what_costs_nothing_is_asked_again_after_a_kill(server, journal) -> None:
    free = ModelPool((model(server, "m", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0),))
    opened = Journal(journal)
    opened.start(question_of(free["m"], PROMPTS[0].text))
    opened.close()
    assert run(free, journal).scored == 12


def test_an_interrupt_keeps_what_is_under_way(server, pool, journal) -> None:
    server.delay_s = 0.05

    def interrupt() -> None:
        wait_for(server, 3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    collected = run(pool, journal)
    thread.join()
    assert collected.tally.stopped == "interrupted"
    assert 0 < collected.scored < 24
    assert collected.scored == sum(server.billed.values())
    server.delay_s = 0.0
    assert run(pool, journal).scored == 24
    assert max(server.billed.values()) == 1


def test_outcomes_survive_the_way_to_disk(pool, journal, tmp_path) -> None:
    outcomes = run(pool, journal).outcomes
    outcomes.write(tmp_path / "data")
    back = OutcomeTable.read(tmp_path / "data")
    np.testing.assert_array_equal(back.score, outcomes.score)
    assert back.pool.names == pool.names
    assert "127.0.0.1" not in (tmp_path / "data" / "models.json").read_text()
