from __future__ import annotations

import json
from pathlib import Path

import pytest

from finerouter.evaluation.report import read_evaluation
from tests.cli.running import assert_refused, finerouter

QUICK = ("--resamples", 100)


@pytest.fixture(scope="module")
def written(router_folder: Path, data_folder: Path, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "first.html"
    finished = finerouter("report", router_folder, data_folder, "--out", path, *QUICK)
    assert finished.code == 0, finished
    assert finished.out.startswith(f"{path}: ")
    assert "left out" in finished.err
    return path


def test_report_writes_a_page_that_holds_its_figures(written: Path, held_out) -> None:
    assert "How good is this router?" in written.read_text("utf-8")
    assert "100,000 prompts a month" in written.read_text("utf-8")
    result = read_evaluation(written)
    assert result.data.prompts == len(held_out)
    assert result.latency is not None


def test_report_says_what_changed_and_writes_everything_else(
    router_folder: Path, data_folder: Path, written: Path, tmp_path: Path
) -> None:
    out = tmp_path / "second.html"
    options = ("--volume", 5000, "--previous", written, "--csv", tmp_path / "tables")
    more = ("--predictions", tmp_path / "p.json", "--json")
    finished = finerouter(
        "report", router_folder, data_folder, "--out", out, *options, *more, *QUICK
    )
    assert finished.code == 0, finished
    page = out.read_text("utf-8")
    assert "What changed since the previous report" in page
    assert "The judged prompts and outcomes are the same" in page
    assert "5,000 prompts a month" in page
    assert finished.json["data"]["prompts"] == read_evaluation(out).data.prompts
    assert (tmp_path / "tables" / "tasks.csv").is_file()
    predictions = json.loads((tmp_path / "p.json").read_text())
    assert len(predictions) == finished.json["data"]["prompts"]


def test_report_can_leave_out_every_prompt(
    router_folder: Path, data_folder: Path, held_out, tmp_path: Path
) -> None:
    out, tables = tmp_path / "r.html", tmp_path / "tables"
    options = ("--out", out, "--no-prompts", "--csv", tables, "--json", *QUICK)
    finished = finerouter("report", router_folder, data_folder, *options)
    assert finished.code == 0, finished
    texts = [out.read_text("utf-8"), finished.out]
    texts += [path.read_text("utf-8") for path in tables.iterdir()]
    assert not any(prompt[:25] in text for text in texts for prompt in held_out.prompts)


def test_report_refuses_before_it_works(
    router_folder: Path, data_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.json").write_text("[]")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for options, words in (
        (("--out", tmp_path), ("is a folder",)),
        (("--predictions", tmp_path / "mine"), ("mine: is a folder", "predictions.json")),
        (("--previous", tmp_path / "other.json"), ("other.json", "not an evaluation")),
        (("--previous", tmp_path / "none.html"), ("none.html", "cannot be read")),
        (("--csv", tmp_path / "mine"), ("holds no lines.csv",)),
    ):
        out = ("--out", tmp_path / "r.html") if options[0] != "--out" else ()
        assert_refused(finerouter("report", router_folder, data_folder, *out, *options), *words)
    assert not (tmp_path / "r.html").exists()


def test_report_refuses_options_that_contradict_each_other(
    router_folder: Path, data_folder: Path, tmp_path: Path
) -> None:
    both = ("--no-prompts", "--predictions", tmp_path / "p.json")
    finished = finerouter("report", router_folder, data_folder, *both)
    assert (finished.code, finished.out) == (2, "")
    assert "--predictions holds every prompt" in finished.err
    lonely = finerouter("report", router_folder, data_folder, "--balanced")
    assert lonely.code == 2
    assert "--balanced is for --predictions" in lonely.err
