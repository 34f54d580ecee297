from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from finerouter import ModelPool, Router
from finerouter.artifact import MANIFEST, TENSORS
from finerouter.cli import group
from finerouter.prompt import prompt_id
from tests import synthetic
from tests.cli.running import assert_refused, finerouter, quick_config

PROMPT = "What is 512 plus 77 times 31? Calculate the number step by step."
# What `train` keeps and holds out of the synthetic data by default.
KEPT, HELD_OUT = (len(part) for part in synthetic.outcomes(480).split(test_size=0.2, seed=0))
COMMANDS = (
    "cells",
    "crossval",
    "demo",
    "evaluate",
    "import",
    "join",
    "probes",
    "report",
    "route",
    "tasks",
    "train",
)


@pytest.fixture(scope="module")
def trained(data_folder: Path, tmp_path_factory) -> tuple[dict, Path]:
    """What `train --json` printed, and the router it made."""
    folder = tmp_path_factory.mktemp("cli")
    out = folder / "router"
    config = quick_config(folder)
    finished = finerouter("train", data_folder, "--out", out, "--config", config, "--json")
    assert (finished.code, finished.err) == (0, "")
    return finished.json, out


@pytest.fixture(scope="module")
def router(trained) -> Path:
    return trained[1]


@pytest.fixture(scope="module")
def table_file(tmp_path_factory) -> Path:
    """The synthetic outcomes as one CSV table, without any price."""
    table = synthetic.outcomes(480)
    lines = [
        f'"{text}",{model},{table.score[row, at]:.0f},{table.input_tokens[row, at]:.0f},'
        f"{table.output_tokens[row, at]:.0f}"
        for row, text in enumerate(table.prompts)
        for at, model in enumerate(table.models)
    ]
    path = tmp_path_factory.mktemp("table") / "outcomes.csv"
    path.write_text("\n".join(["prompt,model,score,input_tokens,output_tokens", *lines]), "utf-8")
    return path


def test_train_says_what_it_found(trained) -> None:
    found, out = trained
    assert found["router"] == str(out)
    assert found["data"]["prompts"] == KEPT
    assert found["tasks"] == len(Router.load(out).tasks) >= 5
    assert found["config"]["folds"] == synthetic.QUICK.folds


def test_evaluate_judges_on_the_prompts_held_back(router: Path, data_folder: Path) -> None:
    finished = finerouter("evaluate", router, data_folder, "--resamples", 100, "--json")
    assert (finished.code, finished.err) == (0, "")
    found = finished.json
    assert found["data"]["prompts"] == HELD_OUT
    assert found["data"]["left_out"] == KEPT
    assert found["data"]["seen"] == 0
    assert found["headline"]["best_quality_gain"]["low"] > 0


def test_evaluate_prints_a_line_for_every_way_of_choosing(router: Path, data_folder: Path) -> None:
    finished = finerouter("evaluate", router, data_folder, "--resamples", 100)
    assert finished.code == 0
    for words in ("best single (", "cheapest (", "random model", "router, best", "oracle"):
        assert words in finished.out
    assert f"left out {KEPT} prompts" in finished.err


def test_the_first_screen_of_an_evaluation_is_one_screen(router: Path, data_folder: Path) -> None:
    finished = finerouter("evaluate", router, data_folder, "--resamples", 100)
    assert len(finished.out.splitlines()) <= 30
    for words in ("best dial", "cost saved at its quality", "half its cost", "Calibration", "p99"):
        assert words in finished.out
    assert "more: --all" in finished.err


def test_evaluate_prints_the_sections_asked_for(router: Path, data_folder: Path) -> None:
    some = finerouter("evaluate", router, data_folder, "--resamples", 100, "--section", "metrics")
    assert "PerfGain" in some.out
    assert "REGRETS" not in some.out
    everything = finerouter("evaluate", router, data_folder, "--resamples", 100, "--all").out
    for words in ("METRICS", "BENCHMARKS", "TASKS", "MODELS", "ROBUSTNESS", "REGRETS", "APGR",
                  "typing mistakes", "why: "):  # fmt: skip
        assert words in everything


def test_evaluate_writes_tables_and_predictions(
    router: Path, data_folder: Path, tmp_path: Path
) -> None:
    options = ("--csv", tmp_path / "out", "--predictions", tmp_path / "p.json", "--balanced")
    finished = finerouter("evaluate", router, data_folder, "--resamples", 100, *options)
    assert finished.code == 0, finished.err
    assert (tmp_path / "out" / "lines.csv").is_file()
    assert len(json.loads((tmp_path / "p.json").read_text("utf-8"))) == HELD_OUT
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused = finerouter("evaluate", router, data_folder, "--csv", tmp_path / "mine")
    assert_refused(refused, "holds no lines.csv")
    lonely = finerouter("evaluate", router, data_folder, "--balanced")
    assert lonely.code == 2
    assert "--balanced is for --predictions FILE" in lonely.err


def test_evaluate_takes_other_prices(router: Path, data_folder: Path, tmp_path: Path) -> None:
    pool = tmp_path / "models.json"
    pool.write_text((data_folder / "models.json").read_text("utf-8"), "utf-8")
    finished = finerouter("evaluate", router, data_folder, "--pool", pool, "--resamples", 100)
    assert finished.code == 0, finished.err


@pytest.mark.parametrize("split", ["random", "benchmark"])
def test_crossval_trains_and_judges_on_splits(
    data_folder: Path, tmp_path: Path, split: str
) -> None:
    config = quick_config(tmp_path)
    arguments = ("crossval", data_folder, "--split", split, "--folds", 2, "--config", config)
    finished = finerouter(*arguments, "--resamples", 100)
    assert (finished.code, finished.err) == (0, "")
    name = "fold 2 of 2" if split == "random" else "without code"
    for words in (name, "All splits together", "best single", "cost saved at its quality"):
        assert words in finished.out


def test_crossval_judges_by_what_was_asked_later(tmp_path: Path) -> None:
    table = synthetic.outcomes(240)
    days = np.arange(240) * np.timedelta64(1, "D")
    timed = replace(table, times=(np.datetime64("2026-01-01", "s") + days))
    timed.write(tmp_path / "data")
    config = quick_config(tmp_path)
    arguments = ("--split", "time", "--folds", 2, "--config", config, "--resamples", 100, "--json")
    finished = finerouter("crossval", tmp_path / "data", *arguments)
    assert finished.code == 0, finished.err
    found = finished.json
    assert [split["name"][:7] for split in found["splits"]] == ["2026-03", "2026-06"]
    assert found["splits"][0]["training_prompts"] < found["splits"][1]["training_prompts"]
    assert found["prompts"] <= 160


def test_crossval_refuses_a_split_that_the_data_does_not_allow(data_folder: Path) -> None:
    assert_refused(finerouter("crossval", data_folder, "--split", "time"), "holds no times")


def test_route_prints_a_decision_as_json(router: Path) -> None:
    found = finerouter("route", router, PROMPT, "--cost-weight", 5, "--json").json
    assert found["model"] == "coder"
    assert set(found) >= {"task", "quality", "quality_std", "cost_usd", "reason", "flips"}
    assert {"dial", "value", "direction", "model"} == set(found["flips"][0])


def test_route_reads_the_prompt_from_standard_input(router: Path) -> None:
    finished = finerouter("route", router, "-", "--explain", "--json", stdin=PROMPT.encode())
    assert finished.code == 0
    names = {candidate["model"] for candidate in finished.json["candidates"]}
    assert names == set(synthetic.POOL.names)
    assert finished.json["model"] == "coder"


def test_route_explains_in_words(router: Path) -> None:
    finished = finerouter("route", router, PROMPT, "--explain", "--deny", "tiny", "--max-cost", 1)
    assert finished.code == 0
    for words in ("coder", "why: ", "within 1 USD", "training prompts", "denied", "90 %"):
        assert words in finished.out


def test_route_takes_new_prices(router: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool.toml"
    pool.write_text(
        '[[models]]\nmodel = "coder"\ninput_usd_per_mtok = 900\noutput_usd_per_mtok = 900\n'
    )
    finished = finerouter("route", router, PROMPT, "--cost-weight", 5, "--pool", pool, "--json")
    assert finished.json["model"] != "coder"


def test_tasks_are_listed_as_json(router: Path) -> None:
    found = finerouter("tasks", router, "--json").json
    assert sum(task["size"] for task in found) == KEPT
    for task in found:
        assert task["name"]
        assert task["terms"]
        assert task["exemplars"]
        assert [model["quality"] for model in task["models"]] == sorted(
            (model["quality"] for model in task["models"]), reverse=True
        )


def test_tasks_are_edited_and_trained_with(router: Path, data_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    assert finerouter("tasks", router, "--write", path).code == 0
    name = Router.load(router).tasks[0].name
    text = path.read_text("utf-8").replace(f'name = "{name}"', 'name = "mine"', 1)
    path.write_text(text, "utf-8")
    out, config = tmp_path / "again", quick_config(tmp_path)
    finished = finerouter(
        "train", data_folder, "--out", out, "--config", config, "--tasks", path, "--seed", 3
    )
    assert finished.code == 0
    assert "next: finerouter evaluate" in finished.out
    assert "mine" in finerouter("tasks", out).out


def test_prices_given_in_training_are_known_in_evaluation(table_file: Path, tmp_path: Path) -> None:
    pool, out = tmp_path / "models.json", tmp_path / "router"
    table = synthetic.outcomes(6)
    table.write(tmp_path / "d")
    shutil.copy(tmp_path / "d" / "models.json", pool)
    config = quick_config(tmp_path)
    arguments = ("train", table_file, "--pool", pool, "--out", out, "--config", config)
    assert finerouter(*arguments).code == 0
    found = finerouter("evaluate", out, table_file, "--resamples", 100, "--json").json
    assert found["headline"]["cost_saved"] is not None


def test_training_without_prices_says_what_cost_is_weighed_by(tmp_path: Path) -> None:
    table = synthetic.outcomes(120)
    table = replace(
        table, pool=ModelPool.of(table.models), cost_usd=np.full(table.score.shape, 0.1)
    )
    table.cost_usd[:, 0] = np.nan
    table.write(tmp_path / "data")
    out, config = tmp_path / "router", quick_config(tmp_path)
    done = finerouter("train", tmp_path / "data", "--out", out, "--config", config)
    assert done.code == 0, done.err
    unknown, *recorded = table.models
    assert done.err.splitlines() == [
        f"no prices for {', '.join(recorded)}: cost is weighed by the recorded cost_usd; give "
        "--pool for prices that can change",
        f"no prices for {unknown}: give --pool to weigh cost",
    ]
    options = ("--deny", unknown, "--cost-weight", 10, "--json")
    decision = finerouter("route", out, PROMPT, *options)
    assert decision.json["cost_usd"] == pytest.approx(0.1)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(group, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: finerouter {command}" in " ".join(shown.output.split())


def test_help_lists_the_commands_and_where_to_start() -> None:
    shown = CliRunner().invoke(group, ["--help"])
    assert all(command in shown.output for command in COMMANDS)
    assert "finerouter demo" in shown.output
    assert "version" in CliRunner().invoke(group, ["--version"]).output


# What the user may get wrong: one line, exit 2, nothing half-written.


@pytest.fixture
def copy(router: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(router, tmp_path / "copy"))


BAD_TABLES = {
    "empty": ("", "holds no outcomes"),
    "one-model": ("prompt,model,score\n" + "".join(f"p {n},a,1\n" for n in range(60)), "one model"),
    "bad-score": ("prompt,model,score\nadd,a,1.5\n", "row 1: 1.5"),
    "twice": ("prompt,model,score\nadd,a,1\nadd,a,1\n", "rows 1 and 2"),
    "few": ("prompt,model,score\nadd,a,1\nadd,b,1\n", "too few"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_training_on_a_bad_table_leaves_nothing(tmp_path: Path, kind: str) -> None:
    content, complaint = BAD_TABLES[kind]
    path = tmp_path / "bad\nname.csv"
    path.write_text(content)
    finished = finerouter("train", path, "--out", tmp_path / "router", "--holdout", 0)
    assert_refused(finished, complaint)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_empty_prompt_is_refused(router: Path) -> None:
    assert_refused(finerouter("route", router, "-", stdin=b" \n"), "the prompt is empty")


def test_a_prompt_that_is_not_utf8_is_refused(router: Path) -> None:
    finished = finerouter("route", router, "-", stdin=b"caf\xe9")
    assert_refused(finished, "byte 3 is not UTF-8")


def test_a_prompt_of_odd_bytes_as_argument_is_routed(router: Path) -> None:
    finished = finerouter("route", router, os.fsdecode(b"caf\xe9 \xff"), "--explain")
    assert (finished.code, finished.err) == (0, "")


def test_policies_that_contradict_themselves_are_refused(router: Path) -> None:
    finished = finerouter("route", router, PROMPT, "--cost-weight", 1, "--min-quality", 0.9)
    assert_refused(finished, "contradict")


def test_a_filter_that_leaves_nothing_is_refused(router: Path) -> None:
    assert_refused(finerouter("route", router, PROMPT, "--needs", "vision"), "lacks vision")


def test_a_missing_router_is_refused(tmp_path: Path) -> None:
    assert_refused(finerouter("route", tmp_path / "nothing", PROMPT), "nothing", "finerouter train")


def test_a_damaged_router_is_refused(copy: Path) -> None:
    whole = (copy / TENSORS).read_bytes()
    (copy / TENSORS).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert_refused(finerouter("tasks", copy), TENSORS, "is damaged")


def test_a_router_of_a_newer_format_is_refused(copy: Path) -> None:
    text = (copy / MANIFEST).read_text("utf-8")
    (copy / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'), "utf-8")
    assert_refused(finerouter("tasks", copy), "format 2", "needs finerouter")


def test_an_output_folder_of_something_else_is_refused(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    config = quick_config(tmp_path)
    finished = finerouter("train", data_folder, "--out", tmp_path / "out", "--config", config)
    assert_refused(finished, "holds no manifest.json")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_judging_on_training_prompts_alone_is_refused(router: Path, tmp_path: Path) -> None:
    seen = Router.load(router).training.prompt_ids
    table = synthetic.outcomes(480)
    rows = [at for at, text in enumerate(table.prompts) if prompt_id(text) in seen]
    table.rows(rows[:60]).write(tmp_path / "seen")
    finished = finerouter("evaluate", router, tmp_path / "seen")
    assert_refused(finished, "were left out because the router was trained on them")
    forced = finerouter("evaluate", router, tmp_path / "seen", "--force", "--resamples", 100)
    assert forced.code == 0
    assert "the figures flatter" in forced.err


def test_names_with_brackets_are_printed_in_full(router: Path, tmp_path: Path) -> None:
    loaded = Router.load(router)
    names = {name: f"{name}[8b]" for name in loaded.models} | {"tiny": "tiny[/b]"}
    records = [{**model.to_json(), "model": names[model.model]} for model in loaded.pool]
    pool = ModelPool.from_records(records, source="here")
    replace(loaded, pool=pool).save(tmp_path / "r")
    finished = finerouter("route", tmp_path / "r", PROMPT, "--explain")
    assert finished.code == 0, finished.err
    for name in names.values():
        assert name in finished.out


needs_dev_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no /dev/full to print to (needs Linux)"
)


@needs_dev_full
def test_a_full_disk_behind_standard_output_is_told_in_one_line(router: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        finished = finerouter("tasks", router, "--json", stdout=full)
    assert finished.code != 0
    assert "Traceback" not in finished.err
    assert finished.err.count("\n") == 1


def test_a_reader_that_has_enough_is_no_error(router: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    finished = finerouter("tasks", router, "--json", stdout=write)
    os.close(write)
    assert (finished.code, finished.err) == (0, "")


def test_a_command_that_does_not_exist_is_refused() -> None:
    finished = finerouter("rout")
    assert finished.code == 2
    assert finished.out == ""
    assert "No such command" in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    "arguments",
    [("--cost-weight", "nan"), ("--min-quality", "1.5"), ("--max-cost", "-1")],
    ids=" ".join,
)
def test_dials_out_of_range_are_refused(router: Path, arguments: tuple[str, str]) -> None:
    dial = {"--max-cost": "max_cost_usd"}.get(arguments[0], arguments[0][2:].replace("-", "_"))
    assert_refused(finerouter("route", router, PROMPT, *arguments), dial, "must be")
