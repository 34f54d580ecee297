"""CARROT's open-llm-lb-v2: a pickle `{task: {correctness [model, item], models}}`.

Some tasks are nested one level deeper. The pickle has no prompts; `--prompts` names the JSON beside
it, `{task: {"Qs": [...]}}`. Names of models lose `open-llm-leaderboard/` and `-details`, and `__`
becomes `/`. Source: https://github.com/somerstep/CARROT
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.plain_pickle import first_texts, read_plain_pickle
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import whole_json


def _fits(seen: Peek) -> bool:
    if seen.kind != "pickle":
        return False
    texts = first_texts(seen.first)
    # RouterEval's leaderboard has correctness too, under one key `data`.
    return "correctness" in texts and "data" not in texts


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    if choices.prompts is None:
        raise DataError(f"{source}: has no prompts; give --prompts data_QA.json, which lies beside")
    questions = whole_json(choices.prompts)
    for file in fitting_files(source, _fits, findings, ".pickle", ".pkl"):
        for task, held in _tasks(file, read_plain_pickle(file)):
            texts = _questions(choices.prompts, questions, task)
            yield from _rows(file, task, held, texts, findings)


def _tasks(file: Path, held: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(held, Mapping):
        raise DataError(f"{file}: holds no dict of tasks")
    for name, value in held.items():
        if not isinstance(value, Mapping):
            continue
        if "correctness" in value and "models" in value:
            yield str(name), value
        else:
            yield from _tasks(file, value)


def _questions(path: Path, questions: Any, task: str) -> list[str]:
    try:
        return list(questions[task]["Qs"])
    except (KeyError, TypeError) as error:
        raise DataError(
            f'{path}: has no prompts {{"{task}": {{"Qs": [...]}}}}; add them'
        ) from error


def _rows(
    file: Path, task: str, held: Mapping[str, Any], texts: list[str], findings: Findings
) -> Iterator[Row]:
    right = np.asarray(held["correctness"], dtype=np.float64)
    models = [_name(model) for model in held["models"]]
    if right.shape != (len(models), len(texts)):
        raise DataError(
            f"{file}: task {task} has scores {right.shape}, but {len(models)} models and "
            f"{len(texts)} prompts; give the prompts of this very file"
        )
    for number, text in enumerate(texts):
        findings.rows += 1
        place = Place(str(file), f"{task} item", number + 1)
        for model, score in zip(models, right[:, number].tolist(), strict=True):
            yield Row(place, text, model, None if score != score else score, benchmark=task)


def _name(model: Any) -> str:
    name = str(model).replace("open-llm-leaderboard/", "").replace("__", "/")
    return name.replace("-details", "")


FORMAT = Format(
    name="carrot",
    summary="CARROT's open-llm-lb-v2 pickle (read without running it), with --prompts",
    expects="a pickle {task: {correctness, models}}",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts"}),
)
