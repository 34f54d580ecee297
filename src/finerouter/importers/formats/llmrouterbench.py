"""LLMRouterBench: a tree of runs, `DATASET/SPLIT/MODEL/TIMESTAMP.json`.

Each file holds one run: `records` of `origin_query, prompt, score, prompt_tokens,
completion_tokens, cost`, and beside them `dataset_name, split, model_name, demo`. Of several runs
in one folder the latest counts; demo runs count never. A null score is missing, not zero. Source:
https://github.com/ynulihao/LLMRouterBench
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import files_under, first_of, whole_json

_RECORD_FIELDS = ("origin_query", "prompt")


def _fits(seen: Peek) -> bool:
    whole = seen.whole or {}
    runs = whole.get("records")
    return isinstance(runs, list) and all(
        isinstance(run, Mapping) and "score" in run and any(name in run for name in _RECORD_FIELDS)
        for run in runs[:3]
    )


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for _folder, files in groupby(files_under(source, ".json"), key=lambda file: file.parent):
        found = _latest(list(files), findings)
        if found is not None:
            yield from _rows(*found, findings)


def _latest(files: list[Path], findings: Findings) -> tuple[Path, Mapping[str, Any]] | None:
    """The newest run of a folder that is no demo; names are times, so they sort by age."""
    for at, file in enumerate(reversed(files)):
        whole = whole_json(file)
        if not isinstance(whole, Mapping) or not isinstance(whole.get("records"), list):
            findings.note(f"left out {file.name}, which holds no list of records")
            continue
        if not whole.get("demo"):
            for _ in files[: len(files) - at - 1]:
                findings.skip("runs that a later one replaced")
            return file, whole
        findings.skip("demo runs")
    return None


def _rows(file: Path, run: Mapping[str, Any], findings: Findings) -> Iterator[Row]:
    folders = [part.name for part in file.parents]
    model = run.get("model_name") or folders[0]
    for number, record in enumerate(run["records"], 1):
        findings.rows += 1
        place = Place(str(file), "record", number)
        if not isinstance(record, Mapping):
            findings.reject(place, "not a JSON object")
            continue
        yield Row(
            place,
            first_of(record, *_RECORD_FIELDS),
            model,
            record.get("score"),
            record.get("prompt_tokens"),
            record.get("completion_tokens"),
            record.get("cost"),
            run.get("dataset_name") or (folders[2] if len(folders) > 3 else None),
            run.get("split") or (folders[1] if len(folders) > 3 else None),
        )


FORMAT = Format(
    name="llmrouterbench",
    summary="LLMRouterBench, a tree DATASET/SPLIT/MODEL/TIMESTAMP.json of runs",
    expects="JSON files with a list `records`, each with origin_query or prompt, and score",
    fits=_fits,
    read=_read,
)
