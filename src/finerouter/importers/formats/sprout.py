"""SPROUT and CARROT: one row a prompt, `prompt` and one struct a model.

The struct has `score, num_input_tokens, num_output_tokens`. Also CARROT's own .npy dict of the
same data: `Q_train` prompts, `Y_train` scores [prompt, model], `IT_train` and `OT_train` tokens,
the same for test, and `models`. Source: https://github.com/somerstep/CARROT
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.plain_pickle import read_plain_pickle
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, kind_of, records, split_of

_SPLITS = ("train", "validation", "test")


def _fits(seen: Peek) -> bool:
    if seen.kind == "npy":
        return True
    return seen.any(lambda record: "prompt" in record and bool(_answers(record)))


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".parquet", ".jsonl", ".json", ".npy"):
        if kind_of(file) == "npy":
            yield from _array_rows(file, findings)
        else:
            yield from _record_rows(file, findings)


def _record_rows(file: Path, findings: Findings) -> Iterator[Row]:
    split = split_of(file)
    for place, record in records(file, findings):
        for model, answer in _answers(record).items():
            yield Row(
                place,
                record.get("prompt"),
                model,
                answer.get("score"),
                answer.get("num_input_tokens"),
                answer.get("num_output_tokens"),
                benchmark=record.get("dataset"),
                split=split,
            )


def _answers(record: Record) -> dict[str, Mapping[str, Any]]:
    return {
        name: value
        for name, value in record.items()
        if isinstance(value, Mapping) and "score" in value and "num_output_tokens" in value
    }


def _array_rows(file: Path, findings: Findings) -> Iterator[Row]:
    # A dict in a .npy file is an array without axes that holds one object.
    held = read_plain_pickle(file)
    held = held.item() if hasattr(held, "item") else held
    if not isinstance(held, Mapping) or "models" not in held:
        raise DataError(f"{file}: holds no dict with `models`, Q_train and Y_train")
    for split in _SPLITS:
        prompts = held.get(f"Q_{split}")
        if prompts is None:
            continue
        for number, prompt in enumerate(prompts):
            findings.rows += 1
            place = Place(str(file), f"{split} prompt", number + 1)
            cells = [_cells(held, f"{name}_{split}", number) for name in ("Y", "IT", "OT")]
            for model, score, tokens_in, tokens_out in zip(held["models"], *cells, strict=True):
                yield Row(place, prompt, model, score, tokens_in, tokens_out, split=split)


def _cells(held: Mapping[str, Any], name: str, row: int) -> list[Any]:
    """One row of an array [prompt, model]; NaN, which is all an array can say, is missing."""
    if name not in held:
        return [None] * len(held["models"])
    return [None if cell != cell else cell for cell in held[name][row].tolist()]


FORMAT = Format(
    name="sprout",
    summary="SPROUT and CARROT, Parquet or JSONL with a struct a model, or CARROT's .npy",
    expects="a `prompt` and one struct a model with score, num_input_tokens, num_output_tokens",
    fits=_fits,
    read=_read,
)
