"""What every format promises, whichever it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable
from finerouter.errors import ConfigError, DataError
from finerouter.importers import FORMATS, Choices, Imported, Rules, import_outcomes
from finerouter.importers.peeking import peek
from finerouter.importers.prices import PriceTable
from finerouter.importers.registry import formats_that_fit
from finerouter.importers.scale import Scale
from tests.importers.examples import (
    BROKEN,
    EXAMPLES,
    EXPECTED,
    LARGE,
    RHYME,
    SMALL,
    SUM,
    Example,
    embedllm,
    routerdc,
)

every = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
# Preferences are no scores: their values have tests of their own.
scored = pytest.mark.parametrize(
    "example",
    [example for example in EXAMPLES if example.format != "arena"],
    ids=lambda example: example.name,
)


def read(example: Example, folder: Path, rules: Rules | None = None, bad: bool = False) -> Imported:
    source = example.write(folder, bad)
    return import_outcomes(example.format, source, choices=example.choices(folder), rules=rules)


def cells(imported: Imported) -> dict[tuple[str, str], float]:
    table = imported.table
    return {
        (prompt, model): float(table.score[row, column])
        for row, prompt in enumerate(table.prompts)
        for column, model in enumerate(table.models)
        if not np.isnan(table.score[row, column])
    }


def test_every_format_has_an_example() -> None:
    assert {example.format for example in EXAMPLES} == {item.name for item in FORMATS}


@pytest.mark.parametrize("item", FORMATS, ids=lambda item: item.name)
def test_a_format_says_what_it_is(item: object) -> None:
    for text in (item.summary, item.expects):
        assert text
        assert len(text) < 90
        assert "\n" not in text
    assert item.heeds <= set(Choices.__dataclass_fields__)


@every
def test_a_first_look_tells_the_format(example: Example, tmp_path: Path) -> None:
    assert formats_that_fit(peek(example.write(tmp_path, False))) == [example.format]


@scored
def test_the_outcomes_are_read_and_missing_is_not_zero(example: Example, tmp_path: Path) -> None:
    imported = read(example, tmp_path)
    assert cells(imported) == EXPECTED
    assert imported.report.bad_rows == 0
    assert imported.report.outcomes == 3


@scored
def test_tokens_cost_and_benchmark_are_read(example: Example, tmp_path: Path) -> None:
    table = read(example, tmp_path).table
    at = table.prompts.index(SUM), table.models.index(SMALL)
    tokens = table.input_tokens[at], table.output_tokens[at]
    assert tokens == pytest.approx(example.tokens or (np.nan, np.nan), nan_ok=True)
    cost = np.nan if example.cost_usd is None else example.cost_usd
    assert table.cost_usd[at] == pytest.approx(cost, nan_ok=True)
    assert (table.benchmarks or [None])[at[0] if table.benchmarks else 0] == example.benchmark


@every
def test_a_bad_row_is_named_and_counted_and_the_rest_is_used(
    example: Example, tmp_path: Path
) -> None:
    imported = read(example, tmp_path, Rules(max_bad=0.6), bad=True)
    assert imported.report.bad_rows == 1
    assert example.bad_place in imported.report.bad_examples[0]
    found = cells(imported)
    if example.format != "arena":
        assert {cell: found[cell] for cell in EXPECTED} == EXPECTED
    assert {cell for cell in found if cell[0] not in (SUM, RHYME)} <= {(BROKEN, LARGE)}


@every
def test_too_many_bad_rows_are_refused(example: Example, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of \d+ rows are bad, more than 5%.*--max-bad") as error:
        read(example, tmp_path, bad=True)
    assert example.bad_place in str(error.value)


@pytest.mark.parametrize("item", FORMATS[:-1], ids=lambda item: item.name)
def test_a_file_of_another_format_is_refused_with_its_name(item: object, tmp_path: Path) -> None:
    write, name = (routerdc, "routerdc") if item.name != "routerdc" else (embedllm, "embedllm")
    with pytest.raises(DataError, match=rf"not {item.name}, which holds .*looks like {name}: try "):
        import_outcomes(item.name, write(tmp_path, False))


@pytest.mark.parametrize(
    "example",
    [example for example in EXAMPLES if example.format != "table"],
    ids=lambda example: example.name,
)
def test_a_table_that_is_of_a_known_format_is_refused_with_its_name(
    example: Example, tmp_path: Path
) -> None:
    source, name = example.write(tmp_path, False), example.format
    with pytest.raises(DataError) as error:
        import_outcomes("table", source)
    words = f"it looks like {name}: try finerouter import {name} {source}"
    assert str(error.value).endswith(words)


@pytest.mark.parametrize(
    "example",
    [example for example in EXAMPLES if example.format == "table"],
    ids=lambda example: example.name,
)
def test_a_table_of_no_known_format_asks_for_the_column_alone(
    example: Example, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="Say which it is: --column") as error:
        import_outcomes("table", example.write(tmp_path, False))
    assert "looks like" not in str(error.value)


@pytest.mark.parametrize("item", FORMATS, ids=lambda item: item.name)
def test_nothing_is_refused(item: object, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for source, words in (
        (tmp_path / "none.csv", "no such file or folder"),
        (tmp_path / "empty.jsonl", "is empty"),
    ):
        with pytest.raises(DataError, match=words):
            import_outcomes(item.name, source)


@every
def test_the_same_files_give_the_same(example: Example, tmp_path: Path) -> None:
    source = example.write(tmp_path, False)
    choices = example.choices(tmp_path)
    one, other = (import_outcomes(example.format, source, choices=choices) for _ in range(2))
    assert one.table.fingerprint == other.table.fingerprint
    assert one.report == other.report


@scored
def test_two_names_of_one_model_make_repeats(example: Example, tmp_path: Path) -> None:
    imported = read(example, tmp_path, Rules(aliases={SMALL: "ours", LARGE: "ours"}))
    assert cells(imported) == {(SUM, "ours"): 0.5, (RHYME, "ours"): 0.5}
    assert imported.repeats[imported.table.prompts.index(SUM)].tolist() == [2]
    assert imported.report.repeated >= 1


@scored
def test_models_can_be_left_out(example: Example, tmp_path: Path) -> None:
    imported = read(example, tmp_path, Rules(keep=["large*"]))
    assert imported.table.models == (LARGE,)
    assert any("only one model" in warning for warning in imported.report.warnings)


@every
def test_prices_come_with_their_date(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        "date = 2025-11-01\n[[models]]\nmodel = 'small/one'\n"
        "input_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n"
    )
    (tmp_path / "files").mkdir()
    imported = read(example, tmp_path / "files", Rules(prices=PriceTable.read(path)))
    assert imported.table.pool[SMALL].output_usd_per_mtok == 2.0
    assert imported.table.pool[SMALL].note == "prices of 2025-11-01"
    assert LARGE in imported.table.pool.unpriced
    assert imported.report.price_date == "2025-11-01"


@scored
def test_scores_are_mapped_from_their_scale(example: Example, tmp_path: Path) -> None:
    imported = read(example, tmp_path, Rules(scale=Scale(1.0, 0.0)))
    assert cells(imported) == {cell: 1 - score for cell, score in EXPECTED.items()}


@scored
def test_scores_outside_their_scale_are_refused(example: Example, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"score 1 lies outside \[0, 0.6\].*--scale"):
        read(example, tmp_path, Rules(scale=Scale(0.0, 0.6)))


@every
def test_what_is_written_is_a_routing_dataset(example: Example, tmp_path: Path) -> None:
    imported = read(example, tmp_path)
    imported.write(tmp_path / "data")
    again = OutcomeTable.read(tmp_path / "data")
    assert again.fingerprint == imported.table.fingerprint
    assert again.benchmarks == imported.table.benchmarks


@every
def test_a_choice_without_use_is_refused(example: Example, tmp_path: Path) -> None:
    source = example.write(tmp_path, False)
    (item,) = (item for item in FORMATS if item.name == example.format)
    idle = {"metric": "m", "filter": "f", "model": "m", "prompts": source, "scores": source}
    for name in sorted(set(idle) - item.heeds):
        with pytest.raises(ConfigError, match=f"has no use for --{name}; only .* heed it"):
            import_outcomes(example.format, source, choices=Choices(**{name: idle[name]}))
