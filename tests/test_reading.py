from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finerouter import Model, ModelPool, OutcomeTable
from finerouter.errors import DataError, PoolError
from finerouter.prompt import prompt_id
from finerouter.reading import CHUNK_ROWS
from tests import synthetic

MEASURES = ("score", "input_tokens", "output_tokens", "cost_usd")
GOOD = [
    {"prompt": "add one and one", "model": "a", "score": 1.0},
    {"prompt": "add one and one", "model": "b", "score": 0.0},
    {"prompt": 'say "hi",\nthen wait', "model": "a", "score": 0.25},
    {"prompt": "écris une lettre 日本", "model": "b", "score": None},
]


def with_gaps() -> OutcomeTable:
    """A table in which a third of the outcomes is missing, costs and all."""
    table = synthetic.outcomes(30)
    gone = np.random.default_rng(0).uniform(size=table.score.shape) < 0.33
    for name in MEASURES:
        getattr(table, name)[gone] = np.nan
    return table


def long_rows(table: OutcomeTable) -> list[dict]:
    return [
        {
            "prompt": text,
            "model": model,
            "benchmark": table.benchmarks[row],
            **{
                name: None
                if np.isnan(getattr(table, name)[row, at])
                else getattr(table, name)[row, at]
                for name in MEASURES
            },
        }
        for row, text in enumerate(table.prompts)
        for at, model in enumerate(table.models)
    ]


def write_csv(rows: list[dict], path: Path) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(rows: list[dict], path: Path) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def write_parquet(rows: list[dict], path: Path) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)
    return path


WRITERS = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
formats = pytest.mark.parametrize("suffix", WRITERS)


def stored(rows: list[dict], suffix: str, folder: Path) -> Path:
    return WRITERS[suffix](rows, folder / f"table.{suffix}")


def write_folder(folder: Path, prompts: dict, outcomes: dict) -> Path:
    folder.mkdir()
    pq.write_table(pa.table(prompts), folder / "prompts.parquet")
    pq.write_table(pa.table(outcomes), folder / "outcomes.parquet")
    return folder


def assert_same(one: OutcomeTable, other: OutcomeTable) -> None:
    assert one.prompts == other.prompts
    assert one.benchmarks == other.benchmarks
    assert one.models == other.models
    for name in MEASURES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = with_gaps()
    table.write(tmp_path / "data")
    read = OutcomeTable.read(tmp_path / "data")
    assert_same(read, table)
    assert read.prompt_ids == table.prompt_ids
    assert read.pool == table.pool
    assert read.fingerprint == table.fingerprint


@formats
def test_every_long_table_gives_the_table_of_the_folder(tmp_path: Path, suffix: str) -> None:
    table = with_gaps()
    read = OutcomeTable.read(stored(long_rows(table), suffix, tmp_path), pool=synthetic.POOL)
    assert_same(read, table)
    assert read.prompt_ids == tuple(prompt_id(text) for text in table.prompts)


def test_a_dataset_without_a_pool_file_has_names_alone(tmp_path: Path) -> None:
    synthetic.outcomes(10).write(tmp_path / "data")
    (tmp_path / "data" / "models.json").unlink()
    read = OutcomeTable.read(tmp_path / "data")
    assert read.pool == ModelPool.of(read.models)


def test_a_pool_given_by_hand_takes_the_place_of_the_folders(tmp_path: Path) -> None:
    synthetic.outcomes(10).write(tmp_path / "data")
    pool = ModelPool(tuple(Model(name, "", 7.0, 7.0) for name in synthetic.POOL.names))
    assert OutcomeTable.read(tmp_path / "data", pool=pool).pool == pool


@formats
def test_a_missing_score_stays_missing(tmp_path: Path, suffix: str) -> None:
    read = OutcomeTable.read(stored(GOOD, suffix, tmp_path))
    expected = [[1.0, 0.0], [0.25, np.nan], [np.nan, np.nan]]
    np.testing.assert_array_equal(read.score, expected)
    assert np.isnan(read.cost_usd).all()
    assert read.benchmarks is None
    assert read.prompts[1:] == ('say "hi",\nthen wait', "écris une lettre 日本")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = write_csv(GOOD, tmp_path / "table.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert OutcomeTable.read(path).models == ("a", "b")


def test_a_table_of_several_chunks_is_read_whole(tmp_path: Path) -> None:
    count = CHUNK_ROWS // 2 + 7
    path = tmp_path / "table.csv"
    lines = (f"prompt {at},a,0.5\nprompt {at},b,1\n" for at in range(count))
    path.write_text("prompt,model,score\n" + "".join(lines))
    read = OutcomeTable.read(path)
    assert read.score.shape == (count, 2)
    np.testing.assert_array_equal(read.score[-1], [0.5, 1.0])
    with path.open("a") as file:
        file.write("prompt 0,a,1.5\n")
    with pytest.raises(DataError, match=f"row {2 * count + 1}: 1.5"):
        OutcomeTable.read(path)


@formats
@pytest.mark.parametrize("bad", [1.01, -0.5, float("nan"), float("inf")])
def test_scores_outside_their_range_are_refused_with_the_row(
    tmp_path: Path, suffix: str, bad: float
) -> None:
    rows = [*GOOD[:2], {**GOOD[2], "score": bad}]
    path = stored(rows, suffix, tmp_path)
    with pytest.raises(DataError, match=r"score must be \[0, 1\] and not NaN.*row 3") as raised:
        OutcomeTable.read(path)
    assert str(path) in str(raised.value)


def test_a_few_bad_rows_are_shown_of_many(tmp_path: Path) -> None:
    rows = [{"prompt": f"p {at}", "model": "a", "score": 7} for at in range(9)]
    with pytest.raises(DataError, match="row 1: 7, row 2: 7, row 3: 7 and more"):
        OutcomeTable.read(write_jsonl(rows, tmp_path / "table.jsonl"))


@pytest.mark.parametrize("column", MEASURES[1:])
def test_negative_amounts_are_refused(tmp_path: Path, column: str) -> None:
    path = write_csv([*GOOD[:1], {**GOOD[1], column: -1}], tmp_path / "table.csv")
    with pytest.raises(DataError, match=f"{column} must be zero or more.*row 2"):
        OutcomeTable.read(path)


@pytest.mark.parametrize("cell", ["good", [1], 10**400], ids=["text", "list", "huge"])
def test_cells_that_are_no_numbers_are_refused_with_the_row(tmp_path: Path, cell) -> None:
    path = write_jsonl([GOOD[0], {**GOOD[1], "score": cell}], tmp_path / "table.jsonl")
    with pytest.raises(DataError, match="row 2"):
        OutcomeTable.read(path)


@formats
def test_repeated_outcomes_are_refused_with_both_rows(tmp_path: Path, suffix: str) -> None:
    path = stored([*GOOD, {**GOOD[1], "score": 0.5}], suffix, tmp_path)
    with pytest.raises(DataError, match=r"rows 2 and 5 are the same prompt and model \(b\)"):
        OutcomeTable.read(path)


@formats
@pytest.mark.parametrize("column", ["prompt", "model", "score"])
def test_a_missing_column_is_named(tmp_path: Path, suffix: str, column: str) -> None:
    rows = [{key: value for key, value in row.items() if key != column} for row in GOOD]
    with pytest.raises(DataError, match=f"has no column '{column}'; it has "):
        OutcomeTable.read(stored(rows, suffix, tmp_path))


@formats
@pytest.mark.parametrize("empty", ["", "  \n "])
def test_an_empty_prompt_is_refused_with_the_row(tmp_path: Path, suffix: str, empty: str) -> None:
    path = stored([GOOD[0], {**GOOD[1], "prompt": empty}], suffix, tmp_path)
    with pytest.raises(DataError, match="row 2: the prompt is empty"):
        OutcomeTable.read(path)


@formats
def test_an_unnamed_model_is_refused_with_the_row(tmp_path: Path, suffix: str) -> None:
    path = stored([GOOD[0], {**GOOD[1], "model": ""}], suffix, tmp_path)
    with pytest.raises(DataError, match="row 2: field model is empty"):
        OutcomeTable.read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("e.csv", ""), ("h.csv", "prompt,model,score\n"), ("e.jsonl", ""), ("n.csv", "\n\n")],
)
def test_an_empty_table_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match="holds no outcomes"):
        OutcomeTable.read(tmp_path / name)


def test_an_empty_parquet_table_is_refused(tmp_path: Path) -> None:
    schema = pa.schema([("prompt", pa.string()), ("model", pa.string()), ("score", pa.float64())])
    pq.write_table(schema.empty_table(), tmp_path / "e.parquet")
    with pytest.raises(DataError, match="holds no outcomes"):
        OutcomeTable.read(tmp_path / "e.parquet")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("filler", [1, 3_000])
def test_bytes_that_are_not_utf8_are_named_by_their_place(
    tmp_path: Path, suffix: str, filler: int
) -> None:
    rows = [{"prompt": f"é {at}", "model": "a", "score": 1} for at in range(filler)]
    path = stored([*rows, GOOD[0]], suffix, tmp_path)
    content = path.read_bytes()
    at = content.index(b"add one")
    path.write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    with pytest.raises(DataError, match=f"byte {at} is not UTF-8"):
        OutcomeTable.read(path)


def test_a_parquet_file_in_two_places_broken_is_refused(tmp_path: Path) -> None:
    path = write_parquet(GOOD, tmp_path / "table.parquet")
    whole = path.read_bytes()
    for content in (whole[:-20], whole[: len(whole) // 2], whole[:3], b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"not a whole Parquet file.*copy it again"):
            OutcomeTable.read(path)


@pytest.mark.parametrize("name", ["prompts.parquet", "outcomes.parquet"])
def test_a_truncated_file_of_a_folder_is_named(tmp_path: Path, name: str) -> None:
    synthetic.outcomes(10).write(tmp_path / "data")
    path = tmp_path / "data" / name
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=f"{name}: not a whole Parquet file"):
        OutcomeTable.read(tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.csv", "prompt,model,score\nadd, then sort,a,1\n", "row 1 has too many cells"),
        ("t.csv", 'prompt,model,score\n"add,a,1\n', "line 2.*mend the quoting"),
        ("t.jsonl", '{"prompt": "add"\n', "row 1 is not JSON"),
        ("t.jsonl", "[1, 2]\n", "row 1 is not a JSON object"),
        ("t.txt", "add\n", "must end in .csv"),
    ],
)
def test_tables_that_cannot_be_parsed_say_where(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=complaint):
        OutcomeTable.read(tmp_path / name)


def test_an_empty_last_line_of_jsonl_is_no_row(tmp_path: Path) -> None:
    path = write_jsonl(GOOD, tmp_path / "table.jsonl")
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert len(OutcomeTable.read(path)) == 3


def test_a_file_that_fails_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.symlink_to("/proc/self/mem")
    if not path.is_file():
        pytest.skip("no file at hand whose reading fails (needs Linux's /proc/self/mem)")
    with pytest.raises(DataError, match=r"table.csv"):
        OutcomeTable.read(path)


def test_a_prompt_of_a_megabyte_is_read(tmp_path: Path) -> None:
    text = "word, " * 180_000
    path = write_csv([{**GOOD[0], "prompt": text}], tmp_path / "table.csv")
    assert OutcomeTable.read(path).prompts == (text,)


def test_a_model_that_the_pool_lacks_is_refused(tmp_path: Path) -> None:
    path = write_csv(GOOD, tmp_path / "table.csv")
    with pytest.raises(PoolError, match=r"model 'b' is not in the pool \(a\)") as raised:
        OutcomeTable.read(path, pool=ModelPool.of(["a"]))
    assert str(path) in str(raised.value)


def test_pool_models_without_outcomes_have_no_column(tmp_path: Path) -> None:
    path = write_csv(GOOD, tmp_path / "table.csv")
    read = OutcomeTable.read(path, pool=ModelPool.of(["c", "b", "a"]))
    assert read.models == read.pool.names == ("b", "a")
    np.testing.assert_array_equal(read.score[0], [0.0, 1.0])


@pytest.mark.parametrize("name", ["prompts.parquet", "outcomes.parquet"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    synthetic.outcomes(10).write(tmp_path / "data")
    (tmp_path / "data" / name).unlink()
    with pytest.raises(DataError, match=f"holds no {name}"):
        OutcomeTable.read(tmp_path / "data")


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        OutcomeTable.read(tmp_path / "nothing.csv")


OUTCOMES = {"prompt_id": ["p1", "p2"], "model": ["a", "a"], "score": [1.0, 0.0]}


def test_an_outcome_of_an_unknown_prompt_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "d", {"prompt_id": ["p1"], "prompt": ["add"]}, OUTCOMES)
    with pytest.raises(DataError, match=r"row 2: prompt_id 'p2' is not in prompts\.parquet"):
        OutcomeTable.read(folder)


def test_a_prompt_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    prompts = {"prompt_id": ["p1", "p2", "p1"], "prompt": ["add", "sort", "sing"]}
    folder = write_folder(tmp_path / "d", prompts, OUTCOMES)
    with pytest.raises(DataError, match="row 3: prompt_id 'p1' comes twice"):
        OutcomeTable.read(folder)


def test_a_prompt_without_an_id_is_refused(tmp_path: Path) -> None:
    prompts = {"prompt_id": ["p1", "p2", None], "prompt": ["add", "sort", "sing"]}
    with pytest.raises(DataError, match="row 3"):
        OutcomeTable.read(write_folder(tmp_path / "d", prompts, OUTCOMES))


def test_prompts_without_outcomes_are_kept(tmp_path: Path) -> None:
    prompts = {"prompt_id": ["p0", "p1", "p2"], "prompt": ["sing", "add", "sort"]}
    read = OutcomeTable.read(write_folder(tmp_path / "d", prompts, OUTCOMES))
    np.testing.assert_array_equal(read.score, [[np.nan], [1.0], [0.0]])


# Times


MOMENT = np.datetime64("2026-03-01T12:00:00", "s")


def timed_rows(*times: object) -> list[dict]:
    """A row per time, each of another prompt."""
    return [
        {"prompt": f"prompt {at}", "model": "a", "score": 1.0, "time": time}
        for at, time in enumerate(times)
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:00", "2026-03-01T12:00:00"),
        ("2026-03-01 14:00:00+02:00", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:00.750+00:00", "2026-03-01T12:00:00"),
        ("2026-03-01", "2026-03-01T00:00:00"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_times_are_read_as_utc(tmp_path: Path, suffix: str, written: str, meant: str) -> None:
    read = OutcomeTable.read(stored(timed_rows(written), suffix, tmp_path))
    assert read.times.tolist() == [np.datetime64(meant, "s").item()]


def test_parquets_own_times_and_dates_are_read(tmp_path: Path) -> None:
    zoned = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    for at, value in enumerate((zoned, datetime(2026, 3, 1, 12), date(2026, 3, 1))):
        path = write_parquet(timed_rows(value), tmp_path / f"{at}.parquet")
        expected = np.datetime64("2026-03-01", "s") if at == 2 else MOMENT
        assert OutcomeTable.read(path).times[0] == expected


@formats
def test_a_prompt_asked_again_keeps_its_first_time(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"prompt": "one", "model": model, "score": 1.0, "time": time}
        for model, time in (("a", "2026-03-02"), ("b", "2026-03-01"), ("c", None))
    ]
    rows.append({"prompt": "two", "model": "a", "score": 0.0, "time": None})
    read = OutcomeTable.read(stored(rows, suffix, tmp_path))
    assert read.times[0] == np.datetime64("2026-03-01", "s")
    assert np.isnat(read.times[1])


def test_times_travel_with_a_dataset(tmp_path: Path) -> None:
    times = np.array([MOMENT] * 9 + [np.datetime64("NaT")], dtype="datetime64[s]")
    table = replace(synthetic.outcomes(10), times=times)
    table.write(tmp_path / "data")
    read = OutcomeTable.read(tmp_path / "data")
    np.testing.assert_array_equal(read.times, times)
    np.testing.assert_array_equal(read.rows([9, 0]).times, times[[9, 0]])
    assert OutcomeTable.read(tmp_path / "data").fingerprint == synthetic.outcomes(10).fingerprint


def test_data_without_times_has_none(tmp_path: Path) -> None:
    synthetic.outcomes(10).write(tmp_path / "data")
    assert OutcomeTable.read(tmp_path / "data").times is None


@pytest.mark.parametrize("wrong", ["yesterday", "12:00", "1772366400", "2026-02-30"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_what_is_no_time_is_refused_by_row(tmp_path: Path, suffix: str, wrong: str) -> None:
    path = stored(timed_rows("2026-03-01", wrong), suffix, tmp_path)
    with pytest.raises(DataError, match=f"row 2: time is '{wrong}', not a date") as refused:
        OutcomeTable.read(path)
    assert "rewrite it or leave it empty" in str(refused.value)


def test_a_number_is_no_time(tmp_path: Path) -> None:
    path = write_jsonl(timed_rows(3.5), tmp_path / "table.jsonl")
    with pytest.raises(DataError, match=r"row 1: time is 3\.5, not a date"):
        OutcomeTable.read(path)
