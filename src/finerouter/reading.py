"""Files <-> arrays of outcomes.

Takes a routing-dataset folder or one long table (CSV, JSONL, Parquet), read in chunks so that a
large file is never held twice; gives checked `RawOutcomes`. Every refusal names the file, the row
or field, and the next step.

Numbers are doubles throughout: an empty cell or null is a missing outcome, a written NaN is
refused, because somebody computed it. Times are of prompts, in UTC and whole seconds.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from finerouter.atomic import atomic_folder
from finerouter.errors import DataError, PoolError
from finerouter.pool import POOL_FILES, ModelPool
from finerouter.prompt import prompt_id

CHUNK_ROWS = 65_536
_MEASURES = ("score", "input_tokens", "output_tokens", "cost_usd")
_LONG_TABLES = (".csv", ".jsonl", ".parquet")
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class RawOutcomes:
    """What a file held; the fields are those of `OutcomeTable`."""

    prompt_ids: tuple[str, ...]
    prompts: tuple[str, ...]
    benchmarks: tuple[str, ...] | None
    models: tuple[str, ...]
    score: NDArray[np.float64]
    input_tokens: NDArray[np.float64]
    output_tokens: NDArray[np.float64]
    cost_usd: NDArray[np.float64]
    pool: ModelPool
    times: NDArray[np.datetime64] | None = None


@dataclass(frozen=True)
class _Prompt:
    """A prompt's text, where it came from, and when it was asked (UTC, no zone kept)."""

    text: str
    benchmark: str | None
    time: datetime | None


@dataclass(frozen=True)
class _Chunk:
    """Some rows of a file, by column; `first_row` counts as a person would in that file."""

    first_row: int
    columns: Mapping[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


@dataclass
class _Rows:
    """Outcomes gathered so far: codes of prompt and model, and the measures."""

    source: Path
    prompts: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = field(
        default_factory=list
    )
    numbers: list[NDArray[np.int64]] = field(default_factory=list)


def read_outcomes(path: Path, pool: ModelPool | None) -> RawOutcomes:
    """Read a folder or a long table; see `OutcomeTable.read`."""
    if path.is_dir():
        return _read_folder(path, pool)
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder; give a routing dataset or a table")
    return _read_long_table(path, pool)


def dataset_prompts(folder: Path) -> dict[str, str]:
    """Texts by prompt id, of a routing-dataset folder.

    Raises:
        DataError: the folder cannot be used; names file, row or field and the next step.
    """
    _require_files(folder, ("prompts.parquet",))
    known = _read_prompts(folder / "prompts.parquet")
    return {key: prompt.text for key, prompt in known.items()}


def _require_files(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if not (folder / name).is_file():
            raise DataError(
                f"{folder}: holds no {name}; a routing dataset is prompts.parquet and "
                "outcomes.parquet, with an optional pool.toml"
            )


def write_outcomes(
    table: RawOutcomes,
    folder: Path,
    repeats: NDArray[np.int64] | None = None,
    *,
    extra: Mapping[str, NDArray[np.float64]] | None = None,
    private: bool = False,
) -> None:
    """Write a routing-dataset folder; see `OutcomeTable.write`."""
    with atomic_folder(folder, marker="outcomes.parquet", private=private) as out:
        pq.write_table(_prompt_rows(table), out / "prompts.parquet")
        pq.write_table(_long_form(table, repeats, extra or {}), out / "outcomes.parquet")
        models = [model.to_json() for model in table.pool]
        (out / "models.json").write_text(json.dumps(models, indent=1) + "\n", "utf-8")


def _prompt_rows(table: RawOutcomes) -> pa.Table:
    prompts = {"prompt_id": list(table.prompt_ids), "prompt": list(table.prompts)}
    if table.benchmarks is not None:
        prompts["benchmark"] = list(table.benchmarks)
    columns = {name: pa.array(values) for name, values in prompts.items()}
    if table.times is not None:
        columns["time"] = pa.array(table.times.tolist(), pa.timestamp("s", tz="UTC"))
    return pa.table(columns)


def _long_form(
    table: RawOutcomes,
    repeats: NDArray[np.int64] | None,
    extra: Mapping[str, NDArray[np.float64]],
) -> pa.Table:
    row, column = np.nonzero(~np.isnan(table.score))
    measures = {name: getattr(table, name)[row, column] for name in _MEASURES}
    measures |= {name: values[row, column] for name, values in extra.items()}
    counted = {} if repeats is None else {"repeats": pa.array(repeats[row, column], pa.int32())}
    return pa.table(
        {
            "prompt_id": pa.array(table.prompt_ids).take(pa.array(row)),
            "model": pa.array(table.models).take(pa.array(column)),
            # from_pandas: NaN becomes null, which is how files say "missing".
            **{name: pa.array(values, from_pandas=True) for name, values in measures.items()},
            **counted,
        }
    )


def _read_folder(folder: Path, pool: ModelPool | None) -> RawOutcomes:
    _require_files(folder, ("prompts.parquet", "outcomes.parquet"))
    prompts = _read_prompts(folder / "prompts.parquet")
    rows = _Rows(folder / "outcomes.parquet", prompts={key: at for at, key in enumerate(prompts)})
    for chunk in _parquet_chunks(rows.source):
        _require(rows.source, chunk, ("prompt_id", "model", "score"))
        _gather(rows, chunk, "prompt_id", _known_prompt(rows.prompts))
    if pool is None and any((folder / name).is_file() for name in POOL_FILES):
        pool = ModelPool.read(folder)
    return _table(rows, prompts, pool)


def _read_prompts(path: Path) -> dict[str, _Prompt]:
    prompts: dict[str, _Prompt] = {}
    for chunk in _parquet_chunks(path):
        _require(path, chunk, ("prompt_id", "prompt"))
        keys = chunk.columns["prompt_id"]
        for at, (key, (text, benchmark, time)) in enumerate(zip(keys, _about(chunk), strict=True)):
            where = f"{path}: row {chunk.first_row + at}"
            _check_prompt(text, where)
            if not isinstance(key, str) or not key:
                raise DataError(f"{where}: field prompt_id is empty; give every prompt an id")
            if key in prompts:
                raise DataError(f"{where}: prompt_id {key!r} comes twice; keep one row")
            prompts[key] = _Prompt(text, benchmark, _utc(time, where))
    return prompts


def _about(chunk: _Chunk) -> Iterator[tuple[Any, Any, Any]]:
    """Prompt, benchmark and time of every row; None where there is no such column."""
    nothing = [None] * len(chunk)
    optional = (chunk.columns.get(name, nothing) for name in ("benchmark", "time"))
    return zip(chunk.columns["prompt"], *optional, strict=True)


def _utc(cell: Any, where: str) -> datetime | None:
    """A time of day in UTC; a date is its first second, a time without a zone is UTC's."""
    if cell is None:
        return None
    try:
        moment = datetime.fromisoformat(cell) if isinstance(cell, str) else cell
    except ValueError:
        moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        raise DataError(
            f"{where}: time is {cell!r}, not a date or time of ISO 8601 such as "
            "2026-03-01T12:00:00Z; rewrite it or leave it empty"
        )
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _known_prompt(known: Mapping[str, int]) -> Callable[[Any, str], int]:
    def code(key: Any, where: str) -> int:
        if key not in known:
            raise DataError(f"{where}: prompt_id {key!r} is not in prompts.parquet; add its prompt")
        return known[key]

    return code


def _read_long_table(path: Path, pool: ModelPool | None) -> RawOutcomes:
    rows = _Rows(path)
    prompts: dict[str, _Prompt] = {}

    def code(text: Any, where: str) -> int:
        _check_prompt(text, where)
        return rows.prompts.setdefault(text, len(rows.prompts))

    for chunk in _chunks(path):
        _require(path, chunk, ("prompt", "model", "score"))
        _gather(rows, chunk, "prompt", code)
        for at, (text, benchmark, time) in enumerate(_about(chunk)):
            moment = _utc(time, f"{path}: row {chunk.first_row + at}")
            known = prompts.setdefault(text, _Prompt(text, benchmark, moment))
            if moment is not None and (known.time is None or moment < known.time):
                prompts[text] = replace(known, time=moment)  # the first time it was asked
    return _table(rows, {prompt_id(text): prompts[text] for text in rows.prompts}, pool)


def _chunks(path: Path) -> Iterator[_Chunk]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet_chunks(path)
    if suffix == ".csv":
        return _text_chunks(path, _csv_rows)
    if suffix == ".jsonl":
        return _text_chunks(path, _jsonl_rows)
    raise DataError(f"{path}: a table must end in {', '.join(_LONG_TABLES)}; convert or rename it")


def _parquet_chunks(path: Path) -> Iterator[_Chunk]:
    try:
        row = 1
        for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK_ROWS):
            yield _Chunk(row, {name: batch.column(name).to_pylist() for name in batch.schema.names})
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a whole Parquet file ({reason}); copy it again") from error


def _text_chunks(
    path: Path, parse: Callable[[Path], Iterator[tuple[int, Mapping[str, Any]]]]
) -> Iterator[_Chunk]:
    try:
        gathered: list[tuple[int, Mapping[str, Any]]] = []
        for row in parse(path):
            gathered.append(row)
            if len(gathered) == CHUNK_ROWS:
                yield _by_column(gathered)
                gathered = []
        if gathered:
            yield _by_column(gathered)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {_first_bad_byte(path)} is not UTF-8 ({error.reason}); save the file as "
            "UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); try again") from error


def _first_bad_byte(path: Path) -> int:
    """Offset in the file; the decoder that failed knows only its own buffer."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _by_column(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> _Chunk:
    names = {name: None for _, row in rows for name in row}
    return _Chunk(rows[0][0], {name: [row.get(name) for _, row in rows] for name in names})


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    # The limit guards against a forgotten quote; a prompt of some megabytes is fine.
    csv.field_size_limit(64 * 1024 * 1024)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for number, row in enumerate(reader, 1):
                if None in row:
                    raise DataError(f"{path}: row {number} has too many cells; quote its commas")
                yield number, {key: value if value != "" else None for key, value in row.items()}
        except csv.Error as error:
            raise DataError(
                f"{path}: line {reader.reader.line_num}: {error}; mend the quoting"
            ) from error


def _jsonl_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}: row {number} is not JSON ({error}); mend it") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}: row {number} is not a JSON object; one object a line")
            yield number, row


def _require(path: Path, chunk: _Chunk, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in chunk.columns]
    if missing:
        raise DataError(
            f"{path}: has no column {missing[0]!r}; it has {', '.join(map(str, chunk.columns))}"
        )


def _check_prompt(text: Any, where: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: the prompt is empty; remove the row or give its text")


def _gather(rows: _Rows, chunk: _Chunk, key: str, code: Callable[[Any, str], int]) -> None:
    numbers = np.arange(chunk.first_row, chunk.first_row + len(chunk))
    prompt_codes, model_codes = [], []
    for number, prompt, model in zip(
        numbers, chunk.columns[key], chunk.columns["model"], strict=True
    ):
        where = f"{rows.source}: row {number}"
        prompt_codes.append(code(prompt, where))
        if not isinstance(model, str) or not model:
            raise DataError(f"{where}: field model is empty; name the model")
        model_codes.append(rows.models.setdefault(model, len(rows.models)))
    measures = np.stack([_measure(rows.source, chunk, name) for name in _MEASURES], axis=1)
    rows.parts.append((np.array(prompt_codes), np.array(model_codes), measures))
    rows.numbers.append(numbers)


def _measure(source: Path, chunk: _Chunk, name: str) -> NDArray[np.float64]:
    """One measure of a chunk; NaN where the cell was empty.

    Raises:
        DataError: a value is not a number, is NaN, or lies outside its range.
    """
    cells = chunk.columns.get(name)
    if cells is None:
        return np.full(len(chunk), np.nan)
    missing = np.array([cell is None for cell in cells], dtype=bool)
    values = _as_floats(source, chunk.first_row, name, cells)
    top = 1.0 if name == "score" else np.finfo(np.float64).max
    bad = np.flatnonzero(~missing & ~((values >= 0) & (values <= top)))
    if len(bad):
        allowed = "[0, 1]" if name == "score" else "zero or more"
        shown = ", ".join(f"row {chunk.first_row + at}: {cells[at]}" for at in bad[:_SHOWN])
        raise DataError(
            f"{source}: {name} must be {allowed} and not NaN, but {shown}"
            f"{' and more' if len(bad) > _SHOWN else ''}; rescale or remove them"
        )
    return values


def _as_floats(
    source: Path, first_row: int, name: str, cells: Sequence[Any]
) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    except (TypeError, ValueError, OverflowError):
        for at, cell in enumerate(cells):
            if not _is_number(cell):
                raise DataError(
                    f"{source}: row {first_row + at}: {name} is {cell!r}, not a number; mend it"
                ) from None
        raise


def _is_number(cell: Any) -> bool:
    try:
        return cell is None or isinstance(float(cell), float)
    except (TypeError, ValueError, OverflowError):
        return False


def _table(rows: _Rows, prompts: Mapping[str, _Prompt], pool: ModelPool | None) -> RawOutcomes:
    if not rows.parts or not prompts:
        raise DataError(f"{rows.source}: holds no outcomes; add rows of prompt, model and score")
    prompt_at, model_at, measures = (
        np.concatenate([part[column] for part in rows.parts]) for column in range(3)
    )
    _check_unique(rows, prompt_at, model_at)
    pool, order = _pool_of(rows, pool)
    grids = np.full((len(_MEASURES), len(prompts), len(pool)), np.nan)
    grids[:, prompt_at, order[model_at]] = measures.T
    benchmarks = tuple(prompt.benchmark for prompt in prompts.values())
    return RawOutcomes(
        prompt_ids=tuple(prompts),
        prompts=tuple(prompt.text for prompt in prompts.values()),
        benchmarks=_all_or_none(benchmarks),
        models=pool.names,
        score=grids[0],
        input_tokens=grids[1],
        output_tokens=grids[2],
        cost_usd=grids[3],
        pool=pool,
        times=_times([prompt.time for prompt in prompts.values()]),
    )


def _times(moments: Sequence[datetime | None]) -> NDArray[np.datetime64] | None:
    if all(moment is None for moment in moments):
        return None
    return np.array(moments, dtype="datetime64[s]")


def _all_or_none(benchmarks: Sequence[str | None]) -> tuple[str, ...] | None:
    if all(benchmark is None for benchmark in benchmarks):
        return None
    return tuple("" if benchmark is None else benchmark for benchmark in benchmarks)


def _check_unique(rows: _Rows, prompt_at: NDArray[np.int64], model_at: NDArray[np.int64]) -> None:
    cells = prompt_at * len(rows.models) + model_at
    order = np.argsort(cells, kind="stable")
    twice = np.flatnonzero(np.diff(cells[order]) == 0)
    if len(twice):
        numbers = np.concatenate(rows.numbers)
        first, second = numbers[order[twice[0]]], numbers[order[twice[0] + 1]]
        model = list(rows.models)[model_at[order[twice[0]]]]
        raise DataError(
            f"{rows.source}: rows {first} and {second} are the same prompt and model ({model}); "
            "average or remove repeats"
        )


def _pool_of(rows: _Rows, pool: ModelPool | None) -> tuple[ModelPool, NDArray[np.int64]]:
    """The pool's models that have outcomes, and the column of each model code."""
    if pool is None:
        pool = ModelPool.of(rows.models)
    unknown = [name for name in rows.models if name not in pool.names]
    if unknown:
        raise PoolError(
            f"{rows.source}: model {unknown[0]!r} is not in the pool "
            f"({', '.join(pool.names)}); add it there or remove its rows"
        )
    seen = pool.subset([name for name in pool.names if name in rows.models])
    columns = {name: at for at, name in enumerate(seen.names)}
    return seen, np.array([columns[name] for name in rows.models], dtype=np.int64)
