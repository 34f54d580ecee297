"""Aliases, prices, scales, and the report: what is the same for all formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finerouter.errors import ConfigError, PoolError
from finerouter.importers import Rules, import_outcomes
from finerouter.importers.aliases import read_aliases
from finerouter.importers.prices import PriceTable
from finerouter.importers.scale import Scale
from tests.importers.examples import write_csv, write_json


def write(folder: Path, text: str, name: str = "file.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", '"x/big" = "big"\nbig-2024 = "big"\n'),
        ("a.toml", '[aliases]\n"x/big" = "big-2024"\nbig-2024 = "big"\n'),
        ("a.json", '{"x/big": "big", "big-2024": "big"}'),
    ],
)
def test_aliases_are_read_and_followed(tmp_path: Path, name: str, text: str) -> None:
    assert read_aliases(write(tmp_path, text, name)) == {"x/big": "big", "big-2024": "big"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 3", "alias of 'a' must be a name"),
        ('a = ""', "alias of 'a' must be a name"),
        ('a = "b"\nb = "a"', "go in a circle"),
        ("a = ", "cannot be read"),
    ],
)
def test_wrong_aliases_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_aliases(write(tmp_path, text))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_aliases(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="expected lines such as"):
        read_aliases(write(tmp_path, "[1]", "a.json"))


PRICES = "[[models]]\nmodel = 'x/big'\ninput_usd_per_mtok = 3\noutput_usd_per_mtok = 15\n"


@pytest.mark.parametrize("date", ["2025-11-01", "'2025-11-01'"])
def test_prices_have_a_day_and_may_use_names_that_aliases_know(tmp_path: Path, date: str) -> None:
    table = PriceTable.read(write(tmp_path, f"date = {date}\n{PRICES}note = 'list'\n"))
    pool = table.pool_of(["big", "small"], {"x/big": "big"})
    assert (table.day, pool.names) == ("2025-11-01", ("big", "small"))
    assert (pool["big"].output_usd_per_mtok, pool["big"].note) == (
        15.0,
        "list; prices of 2025-11-01",
    )
    assert pool.unpriced == ("small",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PRICES, "has no date; write the day"),
        (f"date = 'today'\n{PRICES}", "date must be YYYY-MM-DD, not 'today'"),
        (f"date = 2025-11-01\nday = 1\n{PRICES}", "unknown key 'day'"),
        ("date = 2025-11-01\n", "holds no models"),
        ("date = 2025-11-01\nmodels = [1]\n", "expected"),
        ("date = ", "cannot be read"),
    ],
)
def test_wrong_price_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PoolError, match=words):
        PriceTable.read(write(tmp_path, text))


def test_a_pool_file_has_no_date_and_is_refused_as_a_price_table(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="a bare list has no date"):
        PriceTable.read(write_json(tmp_path / "models.json", [{"model": "a"}]))


@pytest.mark.parametrize(
    ("text", "scale"),
    [("0:100", Scale(0, 100)), ("1:0", Scale(1, 0)), ("-1:1", Scale(-1, 1)), ("1:5", Scale(1, 5))],
)
def test_scales_are_read(text: str, scale: Scale) -> None:
    assert Scale.parse(text) == scale


@pytest.mark.parametrize("text", ["100", "0:1:2", "a:b", "1:1", "0:inf", "nan:1", ""])
def test_wrong_scales_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--scale"):
        Scale.parse(text)


def splits(folder: Path) -> Path:
    header = ["prompt", "model", "score", "benchmark"]
    for split, texts in {
        "train": ["one", "two", "three", "six", "Six", "seven"],
        "test": ["One ", "two", "four", "six", "Seven"],
        "dev": ["five"],
    }.items():
        rows = [[text, model, 1, "x"] for text in texts for model in ("a", "b")]
        write_csv(folder / f"x_{split}.csv", header, rows)
    return folder


def test_prompts_in_several_splits_are_reported(tmp_path: Path) -> None:
    imported = import_outcomes("table", splits(tmp_path))
    report = imported.report
    identical, near = report.shared_prompts
    assert set(identical.splits) == {"train", "test"}
    assert near.splits == identical.splits
    # "six" is the same in both, whatever other case it has as well.
    assert (identical.prompts, identical.example, identical.identical) == (2, "two", True)
    assert (near.prompts, near.example.lower(), near.identical) == (2, "one", False)
    of_identical, of_near = report.warnings
    assert of_identical.startswith("2 prompts stand in both test and train, such as 'two'")
    assert of_identical.endswith("; each is one prompt here")
    assert of_near.startswith("2 prompts stand in both test and train with other case or white")
    assert "the texts stay different prompts here" in of_near
    assert len({"one", "One ", "seven", "Seven"} & set(imported.table.prompts)) == 4


@pytest.mark.parametrize(
    ("in_test", "words"),
    [
        ("one", "1 prompt stands in both test and train, 'one'; it is one prompt here"),
        ("ONE", "1 prompt stands in both test and train with other case or white space, 'ONE';"),
    ],
)
def test_one_prompt_in_two_splits_is_told_in_the_singular(
    in_test: str, words: str, tmp_path: Path
) -> None:
    header = ["prompt", "model", "score"]
    for split, text in {"train": "one", "test": in_test}.items():
        rows = [[text, model, 1] for model in ("a", "b")]
        write_csv(tmp_path / f"x_{split}.csv", header, rows)
    (warning,) = import_outcomes("table", tmp_path).report.warnings
    assert warning.startswith(words)


def test_the_report_counts(tmp_path: Path) -> None:
    header = ["prompt", "model", "score", "benchmark", "cost_usd"]
    rows = [
        ["p", "a", 1, "x", 0.5],
        ["p", "a", 0, "x", 0.5],
        ["p", "b", 0.31, "x", ""],
        ["q", "a", "", "y", ""],
        ["q", "b", 1, "y", ""],
        ["r", "b", 0, "y", ""],
    ]
    report = import_outcomes("table", write_csv(tmp_path / "t.csv", header, rows)).report
    assert (report.rows, report.outcomes, report.prompts, report.missing) == (6, 4, 3, 1)
    assert (report.repeated, report.most_repeats) == (1, 2)
    assert report.histogram == (1, 0, 0, 1, 0, 1, 0, 0, 0, 1)
    assert report.coverage == {"x": {"a": 1.0, "b": 1.0}, "y": {"a": 0.0, "b": 1.0}}
    first, second = report.models
    assert (first.outcomes, first.mean_score, first.mean_cost_usd) == (1, 0.5, 0.5)
    assert (second.coverage, second.mean_cost_usd, second.priced) == (1.0, None, False)
    json.dumps(report.to_json(), allow_nan=False)


def test_what_a_router_cannot_use_is_warned_of(tmp_path: Path) -> None:
    header = ["prompt", "model", "score"]
    apart = write_csv(tmp_path / "a.csv", header, [["p", "a", 1], ["q", "b", 1]])
    (warning,) = import_outcomes("table", apart).report.warnings
    assert "no prompt has outcomes of two models" in warning
    alone = write_csv(tmp_path / "b.csv", header, [["p", "a", 1]])
    (warning,) = import_outcomes("table", alone).report.warnings
    assert "only one model (a)" in warning


def test_costs_that_prices_do_not_explain_are_warned_of(tmp_path: Path) -> None:
    header = ["prompt", "model", "score", "input_tokens", "output_tokens", "cost_usd"]
    rows = [
        [prompt, model, 1, 1_000_000, 0, cost]
        for prompt in "pq"
        for model, cost in {"a": 3, "b": 30, "c": 2.1}.items()
    ]
    models = "".join(
        f"[[models]]\nmodel = '{name}'\ninput_usd_per_mtok = 3\noutput_usd_per_mtok = 9\n"
        for name in "abc"
    )
    prices = PriceTable.read(write(tmp_path, f"date = 2025-11-01\n{models}"))
    table = write_csv(tmp_path / "t.csv", header, rows)
    (warning,) = import_outcomes("table", table, rules=Rules(prices=prices)).report.warnings
    assert warning.startswith("recorded costs of b are 10 times its tokens at the given prices")


def test_aliases_that_nothing_uses_are_warned_of(tmp_path: Path) -> None:
    table = write_csv(
        tmp_path / "t.csv", ["prompt", "model", "score"], [["p", "a", 1], ["p", "b", 1]]
    )
    (warning,) = import_outcomes("table", table, rules=Rules(aliases={"A": "x"})).report.warnings
    assert "no row names a model of the aliases, such as 'A'" in warning


def test_the_share_of_bad_rows_counts_rows_not_reasons(tmp_path: Path) -> None:
    """A wide row of two bad cells is one bad row."""
    rows = [[f"p{at}", 1, 1] for at in range(19)] + [["x", "bad", "worse"]]
    table = write_csv(tmp_path / "t.csv", ["prompt", "a/score", "b/score"], rows)
    report = import_outcomes("notdiamond", table).report
    assert (report.bad_rows, report.rows, len(report.bad_examples)) == (1, 20, 2)
