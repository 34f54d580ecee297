"""The commands cells, probes and join, one after the other as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finerouter import OutcomeTable, Router
from finerouter.joining import joined_models
from finerouter.training import train
from tests import synthetic
from tests.cli.running import assert_refused, finerouter

OTHERS = ("linguist", "scholar", "tiny")


@pytest.fixture(scope="module")
def pool_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "models.json"
    path.write_text(json.dumps([model.to_json() for model in synthetic.POOL]), "utf-8")
    return path


@pytest.fixture(scope="module")
def without(fit: OutcomeTable, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("without") / "router"
    train(fit.select_models(OTHERS), synthetic.QUICK).save(folder)
    return folder


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_cells_need_no_outcomes_at_first_and_use_them_then(
    data_folder: Path, pool_file: Path, fit: OutcomeTable, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in fit.prompts))
    out = tmp_path / "next.jsonl"
    first = finerouter("cells", prompts, "--pool", pool_file, "--count", 40, "--out", out)
    assert (first.code, first.out) == (0, "")
    assert "40 cells, expected $" in first.err
    asked = lines(out)
    assert {cell["model"] for cell in asked} == set(synthetic.POOL.names)
    assert all(cell["gain"] is None for cell in asked)
    again = finerouter(
        *("cells", prompts, "--pool", pool_file, "--tried", out, "--count", 40, "--json")
    ).json
    before = {(cell["prompt_id"], cell["model"]) for cell in asked}
    assert not before & {(cell["prompt_id"], cell["model"]) for cell in again}
    told = finerouter(
        *("cells", data_folder, "--pool", pool_file, "--outcomes", data_folder, "--json")
    )
    assert told.json == []  # everything is known


def test_cells_that_cannot_be_chosen_are_refused(tmp_path: Path, pool_file: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("text\nhello\n")
    assert_refused(finerouter("cells", prompts, "--pool", pool_file), "line 2: has no prompt")
    prompts.write_text("prompt_id,prompt\na,hello\na,good bye\n")
    assert_refused(
        finerouter("cells", prompts, "--pool", pool_file), "line 3: prompt_id a comes twice"
    )
    assert_refused(finerouter("cells", tmp_path / "no", "--pool", pool_file), "no such file")


def test_cells_leave_out_the_rows_that_collecting_leaves_out(
    tmp_path: Path, pool_file: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    rows = [json.dumps({"prompt": f"What is {at} plus 1?"}) for at in range(30)]
    prompts.write_text("\n".join([*rows, '{"cut": \n', '{"prompt": ""}']))
    cells = ("cells", prompts, "--pool", pool_file)
    assert_refused(finerouter(*cells), "2 of 32 rows are bad, more than 1%", "--bad-rows")
    chosen = finerouter(*cells, "--bad-rows", "0.1", "--json")
    assert chosen.code == 0, chosen.err
    assert "left out line 31: is not JSON" in chosen.err
    assert "left out line 33: the prompt is empty" in chosen.err
    assert len(chosen.json) == 5 * len(synthetic.POOL)


def test_cells_take_a_long_table_in_which_prompts_come_again(
    tmp_path: Path, pool_file: Path
) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_text("prompt,model,score\nhello,tiny,1\nhello,coder,0\nbye,tiny,1\n")
    chosen = finerouter("cells", table, "--pool", pool_file, "--json")
    assert chosen.code == 0, chosen.err
    assert len(chosen.json) == 2 * len(synthetic.POOL)


def test_a_model_is_probed_and_joins(
    without: Path, data_folder: Path, pool_file: Path, table: OutcomeTable, tmp_path: Path
) -> None:
    out = tmp_path / "probes.jsonl"
    finished = finerouter("probes", without, data_folder, "--count", 30, "--out", out)
    assert (finished.code, finished.out) == (0, "")
    assert "30 probes" in finished.err
    probes = lines(out)
    at = [table.prompt_ids.index(probe["prompt_id"]) for probe in probes]
    outcomes = tmp_path / "coder"
    table.rows(at).select_models(["coder"]).write(outcomes)
    wider = tmp_path / "wider"
    joined = finerouter(
        *("join", without, "coder", "--pool", pool_file, "--outcomes", outcomes),
        *("--known", data_folder, "--out", wider, "--json"),
    )
    assert joined.code == 0, joined.err
    assert joined.json["probes"] == 30
    assert joined.json["quality"] == pytest.approx(0.58, abs=0.15)
    router = Router.load(wider)
    assert router.models == (*OTHERS, "coder")
    assert joined_models(router)[0]["probes"] == 30
    shown = finerouter("route", wider, "def f(x): return x\nprint(f(3))\nWhat is printed?")
    assert shown.code == 0


def test_only_what_the_new_model_answered_counts_as_asked(
    without: Path, data_folder: Path, table: OutcomeTable, tmp_path: Path
) -> None:
    out = tmp_path / "probes.jsonl"
    ask = ("probes", without, data_folder, "--count", 5, "--model")
    first = finerouter(*ask, "fresh", "--asked", data_folder, "--out", out)
    assert first.code == 0, first.err  # nobody has asked this one yet
    assert [row["model"] for row in lines(out)] == 5 * ["fresh"]
    answered = table.rows(range(len(table) - 8))
    answered.write(tmp_path / "answered")
    asked = {row["prompt_id"] for row in lines(out)}
    again = finerouter(*ask, "coder", "--asked", tmp_path / "answered", "--json")
    assert again.code == 0, again.err
    left = set(table.prompt_ids[-8:])
    assert {probe["prompt_id"] for probe in again.json} <= left
    assert asked - left


def test_probes_are_shown(without: Path, data_folder: Path) -> None:
    shown = finerouter("probes", without, data_folder, "--count", 3)
    assert shown.code == 0
    assert len(shown.out.strip().splitlines()) == 4
    found = finerouter("probes", without, data_folder, "--count", 3, "--json").json
    assert [set(probe) for probe in found] == 3 * [{"prompt_id", "prompt", "task", "quality_std"}]


def test_a_model_joins_by_what_is_declared(without: Path, tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("model,score\nnew,81\nscholar,80\n")
    refused = finerouter("join", without, "new", "--scores", scores, "--out", tmp_path / "no")
    assert_refused(refused, "needs a score of 'new' and of at least two of the router's models")
    shown = " ".join(finerouter("join", "--help").out.split())
    assert "declared, of MODEL and two or more of ROUTER's models" in shown
    assert "one of MODEL and of at least two models that ROUTER knows" in shown
    scores.write_text("model,score\nnew,81\nscholar,80\ntiny,30\n")
    out = tmp_path / "wider"
    finished = finerouter("join", without, "new", "--scores", scores, "--out", out)
    assert finished.code == 0
    assert "new joined on 0 probes" in finished.out
    assert "no prices for new" in finished.err
    again = finerouter("join", out, "new", "--like", "tiny", "--out", tmp_path / "again")
    assert "most like: tiny 1.00" in again.out


def test_joining_mistakes_are_refused(without: Path, pool_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "wider"
    assert_refused(finerouter("join", without, "new", "--out", out), "nothing is known of 'new'")
    assert_refused(
        finerouter("join", without, "new", "--pool", pool_file, "--like", "tiny", "--out", out),
        "has no entry of 'new'",
    )
    assert_refused(
        finerouter("join", without, "tiny", "--like", "scholar", "--out", out),
        "was trained with outcomes of 'tiny'",
    )
    assert not out.exists()
