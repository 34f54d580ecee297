"""Inspect logs: `.eval` (a zip of JSON) and `.json`, one file a model and task.

A log has `eval{task, model, model_generate_config}`, `plan{config}` and samples of `id, epoch,
input, choices, scores{scorer: {value}}, model_usage{model: ...}, error`. Epochs are repeats. The
letters C, I, P, N are 1, 0, 0.5, 0, as in Inspect itself; a sample with an error is missing.
`input_tokens` leave out what the cache gave, so cached tokens are added. A model asked with a
reasoning effort is another arm, `MODEL@EFFORT`. Source: https://inspect.aisi.org.uk/eval-logs.html
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import files_under, kind_of, nested, whole_json
from finerouter.importers.zipped_json import open_zip, zipped_json

_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_OPTIONS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _fits(seen: Peek) -> bool:
    whole = seen.whole or {}
    if isinstance(whole.get("eval"), Mapping) and "samples" in whole:
        return True
    return seen.kind == "zip" and seen.first.suffix.lower() == ".eval"


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    for file in files_under(source, ".eval", ".json"):
        header, samples = _zipped(file) if kind_of(file) == "zip" else _plain(file)
        if not isinstance(header.get("eval"), Mapping):
            findings.note(f"left out {file.name}, which is no log")
            continue
        for name, sample in samples:
            findings.rows += 1
            place = Place(str(file), "sample", name)
            if isinstance(sample, Mapping):
                yield _row(place, sample, header, choices, findings)
            else:
                findings.reject(place, "not a JSON object")


def _plain(file: Path) -> tuple[Mapping[str, Any], Iterator[tuple[str, Any]]]:
    whole = whole_json(file)
    if not isinstance(whole, Mapping):
        return {}, iter(())
    samples = whole.get("samples") or []
    return whole, ((_sample_name(sample), sample) for sample in samples)


def _sample_name(sample: Any) -> str:
    if not isinstance(sample, Mapping):
        return "?"
    return f"{sample.get('id')} epoch {sample.get('epoch', 1)}"


def _zipped(file: Path) -> tuple[Mapping[str, Any], Iterator[tuple[str, Any]]]:
    archive = open_zip(file)
    names = archive.namelist()
    header = "header.json" if "header.json" in names else "_journal/start.json"
    if header not in names:
        raise DataError(f"{file}: has no header.json; the run never began, so remove the log")
    content = zipped_json(archive, header, file)
    return (content if isinstance(content, Mapping) else {}), _samples(archive, file)


def _samples(archive: zipfile.ZipFile, file: Path) -> Iterator[tuple[str, Any]]:
    with archive:
        for name in archive.namelist():
            if name.startswith("samples/") and name.endswith(".json"):
                sample = zipped_json(archive, name, file)
                yield _sample_name(sample), sample


def _row(
    place: Place,
    sample: Mapping[str, Any],
    header: Mapping[str, Any],
    choices: Choices,
    findings: Findings,
) -> Row:
    usage = _usage(sample, str(nested(header, "eval.model")))
    return Row(
        place,
        _prompt(sample),
        choices.model or _arm(header),
        _score(sample, choices.metric, findings),
        _input_tokens(usage),
        usage.get("output_tokens"),
        usage.get("total_cost"),
        _task(header),
    )


def _arm(header: Mapping[str, Any]) -> Any:
    model = nested(header, "eval.model")
    # What the run was started with goes before what the model was configured with.
    started = nested(header, "plan.config.reasoning_effort")
    effort = started or nested(header, "eval.model_generate_config.reasoning_effort")
    return f"{model}@{effort}" if model and effort else model


def _task(header: Mapping[str, Any]) -> str | None:
    task = nested(header, "eval.task")
    return task.rpartition("/")[2] if isinstance(task, str) else None


def _prompt(sample: Mapping[str, Any]) -> str | None:
    """The user's words and the lettered choices, as the multiple-choice solver shows them."""
    text, choices = prompt_text(sample.get("input")), sample.get("choices")
    if not text or not isinstance(choices, list) or not choices:
        return text
    lines = [f"{letter}) {choice}" for letter, choice in zip(_OPTIONS, choices, strict=False)]
    return "\n".join([text, "", *lines])


def _score(sample: Mapping[str, Any], metric: str | None, findings: Findings) -> Any:
    if sample.get("error"):
        findings.skip("samples that ended in an error")
        return None
    scores = sample.get("scores")
    if not isinstance(scores, Mapping) or not scores:
        findings.skip("samples without scores")
        return None
    scorer, _, key = (metric or next(iter(scores))).partition(".")
    if metric is None and len(scores) > 1:
        findings.note(f"the scorers are {', '.join(scores)}; {scorer} was read (--metric chooses)")
    score = scores.get(metric) or scores.get(scorer)
    value = score.get("value") if isinstance(score, Mapping) else None
    if isinstance(value, Mapping):
        value = _part(value, key, scorer, findings)
    return _number(value)


def _part(value: Mapping[str, Any], key: str, scorer: str, findings: Findings) -> Any:
    if not key:
        key = next(iter(value), "")
        findings.note(
            f"{scorer} has the parts {', '.join(value)}; {key} was read (--metric {scorer}.PART "
            "chooses)"
        )
    return value.get(key)


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return _LETTERS.get(value, _WORDS.get(value.lower(), value))
    return value


def _usage(sample: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Tokens of the judged model; a judge's are another entry."""
    usages = sample.get("model_usage")
    if not isinstance(usages, Mapping):
        return {}
    usage = usages.get(model)
    if usage is None and len(usages) == 1:
        usage = next(iter(usages.values()))
    return usage if isinstance(usage, Mapping) else {}


def _input_tokens(usage: Mapping[str, Any]) -> Any:
    own = usage.get("input_tokens")
    if not isinstance(own, int | float):
        return own
    cached = (usage.get("input_tokens_cache_read"), usage.get("input_tokens_cache_write"))
    return own + sum(part for part in cached if isinstance(part, int | float))


FORMAT = Format(
    name="inspect",
    summary="Inspect logs, .eval or .json; epochs are averaged",
    expects="a log with `eval` and samples",
    fits=_fits,
    read=_read,
    heeds=frozenset({"metric", "model"}),
)
