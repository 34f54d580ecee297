"""finerouter import, as a user meets it."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from finerouter import OutcomeTable
from finerouter.importers import FORMATS
from tests import synthetic
from tests.cli.running import assert_refused, finerouter, quick_config
from tests.importers import examples
from tests.importers.examples import LARGE, SMALL, write_csv, write_jsonl


def test_the_help_lists_every_format() -> None:
    shown = finerouter("import", "--help")
    assert shown.code == 0
    lines = [line.split() for line in shown.out.splitlines()]
    listed = [line[0] for line in lines if line]
    for item in FORMATS:
        assert item.name in listed
        assert item.summary in shown.out
    assert "Example: finerouter import" in shown.out


def test_an_import_is_written_and_says_what_it_read(tmp_path: Path) -> None:
    source = examples.routerbench(tmp_path, False)
    done = finerouter("import", "routerbench", source, "--out", tmp_path / "data")
    assert (done.code, done.err) == (0, "")
    for words in (
        "3 outcomes of 2 models on 2 prompts",
        "2 rows read, 0 bad",
        "1 without a score: missing, not zero",
        "coverage by benchmark",
        "0.5 to 0.6",
        "next: finerouter train",
    ):
        assert words in done.out
    assert len(OutcomeTable.read(tmp_path / "data")) == 2
    report = json.loads((tmp_path / "data" / "import.json").read_text("utf-8"))
    assert (report["format"], report["outcomes"]) == ("routerbench", 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "maths_verse.csv"]


def test_a_dry_run_shows_the_same_and_writes_nothing(tmp_path: Path) -> None:
    source = examples.routerdc(tmp_path, False)
    before = sorted(tmp_path.rglob("*"))
    done = finerouter("import", "routerdc", source, "--dry-run", "--out", tmp_path / "data")
    assert done.code == 0
    for words in ("would read 3 outcomes", "coverage by benchmark", "scores", "0.9 to 1.0"):
        assert words in done.out
    assert sorted(tmp_path.rglob("*")) == before
    as_json = finerouter("import", "routerdc", source, "--dry-run", "--json").json
    assert as_json["coverage"] == {"maths": {SMALL: 0.5, LARGE: 1.0}}
    assert as_json["histogram"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_bad_rows_and_notes_go_to_standard_error(tmp_path: Path) -> None:
    source = examples.lm_eval(tmp_path, True)
    done = finerouter("import", "lm-eval", source, "--out", tmp_path / "data", "--max-bad", "0.5")
    assert done.code == 0
    assert "bad row: " in done.err
    assert "line 3: score is 'oops', not a number" in done.err
    assert "note: maths has several answer filters" in done.err


def test_too_many_bad_rows_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = examples.llmrouter(tmp_path, True)
    refused = finerouter("import", "llmrouter", source, "--out", tmp_path / "data")
    assert_refused(refused, "line 5", "1 of 5 rows are bad, more than 5%", "--max-bad")
    assert not (tmp_path / "data").exists()


def test_a_wrong_format_says_which_one_it_looks_like(tmp_path: Path) -> None:
    source = examples.embedllm(tmp_path, False)
    refused = finerouter("import", "routerdc", source, "--out", tmp_path / "data")
    assert_refused(refused, "not routerdc", f"try finerouter import embedllm {source}")


def test_an_unknown_format_is_refused_with_the_list(tmp_path: Path) -> None:
    refused = finerouter("import", "routerbank", tmp_path, "--out", tmp_path / "data")
    assert refused.code == 2
    assert "'routerbank' is not one of 'routerbench'" in refused.err


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "bench.pkl", tmp_path / "mark"
    path.write_bytes(pickle.dumps({"a|total_cost": _Touch(mark)}))
    refused = finerouter("import", "routerbench", path, "--out", tmp_path / "data")
    assert_refused(refused, "which is not plain data; it was not run", "save CSV")
    assert not mark.exists()


def test_scores_beyond_1_need_a_scale(tmp_path: Path) -> None:
    rows = [["p", "a", 80], ["p", "b", 95]]
    source = write_csv(tmp_path / "t.csv", ["prompt", "model", "score"], rows)
    refused = finerouter("import", "table", source, "--out", tmp_path / "data")
    assert_refused(
        refused, "line 2: score 80 lies outside [0, 1]", "from 80 to 95", "--scale 0:100"
    )
    done = finerouter("import", "table", source, "--out", tmp_path / "data", "--scale", "0:100")
    assert done.code == 0
    assert OutcomeTable.read(tmp_path / "data").score.tolist() == [[0.8, 0.95]]


def test_aliases_prices_and_models_are_applied(tmp_path: Path) -> None:
    source = examples.long_table(tmp_path, False)
    aliases, prices = tmp_path / "aliases.toml", tmp_path / "prices.toml"
    aliases.write_text('"small/one" = "one"\n')
    prices.write_text(
        "date = 2025-11-01\n[[models]]\nmodel = 'small/one'\n"
        "input_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n"
    )
    done = finerouter(
        *("import", "table", source, "--out", tmp_path / "data"),
        *("--column", "prompt=Question", "--column", "score=grade", "--keep", "one"),
        *("--aliases", aliases, "--prices", prices),
    )
    assert done.code == 0, done.err
    assert "prices of 2025-11-01" in done.out
    pool = OutcomeTable.read(tmp_path / "data").pool
    assert (pool.names, pool["one"].input_usd_per_mtok) == (("one",), 1.0)


def test_repeats_are_counted_in_the_file(tmp_path: Path) -> None:
    rows = [["p", "a", 1], ["p", "a", 0], ["p", "b", 1]]
    source = write_csv(tmp_path / "t.csv", ["prompt", "model", "score"], rows)
    done = finerouter("import", "table", source, "--out", tmp_path / "data")
    assert "1 outcomes are means of repeats, up to 2" in done.out
    held = pq.read_table(tmp_path / "data" / "outcomes.parquet").to_pylist()
    assert [(row["model"], row["score"], row["repeats"]) for row in held] == [
        ("a", 0.5, 2),
        ("b", 1.0, 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--column", "prompt"), "--column is OURS=THEIRS"),
        (("--scale", "1"), "--scale is WORST:BEST"),
        (("--metric", "acc"), "llmrouter has no use for --metric; only"),
        (("--aliases", "none.toml"), "none.toml: cannot be read"),
        (("--prices", "none.toml"), "none.toml: cannot be read"),
        (("--keep", "x*"), "no model matches x*"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_wrong_options_are_refused(tmp_path: Path, arguments: tuple[str, str], words: str) -> None:
    source = examples.llmrouter(tmp_path, False)
    refused = finerouter("import", "llmrouter", source, "--dry-run", *arguments)
    assert_refused(refused, words)


def test_the_output_is_never_something_else(tmp_path: Path) -> None:
    source = examples.llmrouter(tmp_path, False)
    assert "say where to write: --out" in finerouter("import", "llmrouter", source).err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    refused = finerouter("import", "llmrouter", source, "--out", tmp_path / "mine")
    assert_refused(refused, "exists and holds no outcomes.parquet")


def test_the_way_from_a_log_to_a_routed_prompt(tmp_path: Path) -> None:
    """Outcomes as ulab LLMRouter writes them; imported, trained on, judged, and routed by."""
    whole = synthetic.outcomes(480)
    lines = [
        {
            "task_name": whole.benchmarks[row],
            "query": whole.prompts[row],
            "model_name": model,
            "input_tokens": int(whole.input_tokens[row, column]),
            "output_tokens": int(whole.output_tokens[row, column]),
            "performance": float(whole.score[row, column]),
        }
        for row in range(len(whole))
        for column, model in enumerate(whole.models)
    ]
    log = write_jsonl(tmp_path / "log.jsonl", lines)
    prices = tmp_path / "prices.json"
    models = [model.to_json() for model in synthetic.POOL]
    prices.write_text(json.dumps({"date": "2025-11-01", "models": models}))
    data, router = tmp_path / "data", tmp_path / "router"
    assert finerouter("import", "llmrouter", log, "--out", data, "--prices", prices).code == 0
    config = quick_config(tmp_path)
    trained = finerouter("train", data, "--out", router, "--config", config, "--json")
    assert trained.code == 0, trained.err
    kept, _ = OutcomeTable.read(data).split(test_size=0.2, seed=0)
    assert trained.json["data"]["prompts"] == len(kept)
    judged = finerouter("evaluate", router, data, "--json")
    assert judged.code == 0, judged.err
    text = "Translate this sentence into German: the cloud near the stone holds a lamp."
    decision = finerouter("route", router, text, "--json").json
    assert decision["model"] == "linguist"
    assert decision["cost_usd"] > 0
