"""EleutherAI lm-evaluation-harness: `samples_TASK_DATE.jsonl`, one folder a model.

A row has `doc_id, doc, arguments, filter, metrics, doc_hash, prompt_hash` and one number a metric.
A document comes once for each answer filter and once in each model's run. Runs are joined by task
and document; the prompt is that of the first run, because a chat template makes the text differ
from model to model. Texts that are equal are one prompt anyway. The model is named by the
`results_*.json` beside the samples, else by the folder, `__` read as `/`. Source:
https://github.com/EleutherAI/lm-evaluation-harness, version 0.4
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, jsonl_records, nested, whole_json

_NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d:.-]+)?\.jsonl")


def _fits(seen: Peek) -> bool:
    return seen.has("doc_id", "arguments", "resps")


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    run = _Runs(choices, findings)
    names: dict[Path, str] = {}
    for file in _newest(fitting_files(source, _fits, findings, ".jsonl"), findings):
        model = choices.model or _cached_name(names, file.parent)
        for place, record in jsonl_records(file, findings):
            row = run.row(place, record, _task_of(file), model)
            if row is not None:
                yield row


def _newest(files: list[Path], findings: Findings) -> list[Path]:
    """The latest samples of each task in each folder: an earlier date is a run done again."""
    latest: dict[tuple[Path, str], Path] = {}
    for file in files:  # sorted, and dates sort by age
        if latest.get((file.parent, _task_of(file))) is not None:
            findings.skip("runs that a later one replaced")
        latest[file.parent, _task_of(file)] = file
    return sorted(latest.values())


def _task_of(file: Path) -> str:
    match = _NAME.fullmatch(file.name)
    return match["task"] if match else file.stem


def _cached_name(names: dict[Path, str], folder: Path) -> str:
    """A folder holds a file a task, and one of results that may be large."""
    if folder not in names:
        names[folder] = _model_of(folder)
    return names[folder]


def _model_of(folder: Path) -> str:
    for results in sorted(folder.glob("results_*.json"), reverse=True):
        with suppress(DataError):
            name = nested(whole_json(results), "model_name")
            if isinstance(name, str) and name:
                return name
    return folder.absolute().name.replace("__", "/")


class _Runs:
    """What has to be the same over all runs: texts of documents, filter and metric of a task."""

    def __init__(self, choices: Choices, findings: Findings) -> None:
        self.choices, self.findings = choices, findings
        self.texts: dict[tuple[str, Any], str] = {}
        self.filters: dict[str, str] = {}
        self.metrics: dict[str, str | None] = {}
        self.prompt_field = choices.columns.get("prompt")

    def row(self, place: Place, record: Record, task: str, model: str) -> Row | None:
        """The outcome of a line; None for another filter's line or a bad one."""
        if not self._is_of_filter(task, record):
            self.findings.skip("lines of another answer filter")
            return None
        metric = self._metric(task, record)
        if metric is None:
            self.findings.skip(f"lines of tasks without the metric {self.choices.metric}")
            return None
        if metric not in record:
            self.findings.reject(place, f"has no metric {metric!r}")
            return None
        return Row(place, self._text(task, record), model, record[metric], benchmark=task)

    def _is_of_filter(self, task: str, record: Record) -> bool:
        name = str(record.get("filter", "none"))
        chosen = self.choices.filter or self.filters.setdefault(task, name)
        if name != chosen and self.choices.filter is None:
            self.findings.note(
                f"{task} has several answer filters; {chosen} was read (--filter chooses)"
            )
        # "none" is what tasks without filters call theirs.
        return name in (chosen, "none")

    def _metric(self, task: str, record: Record) -> str | None:
        if task not in self.metrics:
            names = [str(name) for name in record.get("metrics") or _numbers(record)]
            self.metrics[task] = self._chosen(task, names)
        return self.metrics[task]

    def _chosen(self, task: str, names: list[str]) -> str | None:
        asked = self.choices.metric
        if asked:
            return asked if asked in names else None
        if len(names) > 1:
            self.findings.note(
                f"{task} has the metrics {', '.join(names)}; {names[0]} was read (--metric chooses)"
            )
        return names[0] if names else None

    def _text(self, task: str, record: Record) -> str | None:
        document = record.get("doc_hash", record.get("doc_id"))
        text = self._own_text(record)
        if text is None or document is None:
            return text
        first = self.texts.setdefault((task, document), text)
        if first != text:
            self.findings.note(
                f"{task}: models were asked in different words (a chat template?); runs were "
                "joined by document, with the first run's words"
            )
        return first

    def _own_text(self, record: Record) -> str | None:
        if self.prompt_field:
            value = nested(record, self.prompt_field)
            return value if isinstance(value, str) else None
        return prompt_text(_first_argument(record.get("arguments")))


def _first_argument(arguments: Any) -> Any:
    """The context of the first request: `{"gen_args_0": {"arg_0": ...}}`, or a list of lists."""
    if isinstance(arguments, Mapping):
        first = arguments.get("gen_args_0")
        return first.get("arg_0") if isinstance(first, Mapping) else None
    while isinstance(arguments, list) and arguments:
        arguments = arguments[0]
    return arguments


def _numbers(record: Record) -> list[str]:
    """Fields that can be metrics, for versions that do not list them."""
    return [
        name
        for name, value in record.items()
        if isinstance(value, float) or (isinstance(value, int) and name not in ("doc_id",))
    ]


FORMAT = Format(
    name="lm-eval",
    summary="lm-evaluation-harness samples_*.jsonl, a folder a model, joined by document",
    expects="lines with doc_id, arguments, resps and a number a metric",
    fits=_fits,
    read=_read,
    heeds=frozenset({"metric", "filter", "model", "columns"}),
)
