"""RouterEval: router datasets and leaderboards, as pickle or .npz.

A router dataset holds `train_score, val_score, test_score` [prompt, model], its models under
`model`, and its prompts under `prompt` as `train_prompt` and so on; a leaderboard holds
`{"data": {part: {"correctness": [prompt, model]}}, "models": [...]}` and needs `--prompts`, a
pickle or JSON `{part: [...]}`. Embeddings are not read. Source:
https://github.com/MilkThink-Lab/RouterEval
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
from finerouter.importers.records import kind_of, whole_json

_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def _fits(seen: Peek) -> bool:
    if seen.kind == "zip":
        return seen.named(".npz")
    if seen.kind != "pickle":
        return False
    texts = first_texts(seen.first)
    return bool(texts & {f"{part}_score" for part in _SPLITS}) or texts >= {"correctness", "data"}


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    texts = _mapping(choices.prompts) if choices.prompts else {}
    for file in fitting_files(source, _fits, findings, ".pkl", ".pickle", ".npz"):
        held = _mapping(file)
        data = held["data"] if isinstance(held.get("data"), Mapping) else held
        own = held["prompt"] if isinstance(held.get("prompt"), Mapping) else held
        for part, scores in _scores(data):
            prompts = _prompts(file, part, {**own, **texts})
            yield from _rows(file, part, scores, prompts, _models(held, findings), findings)


def _mapping(path: Path) -> Mapping[str, Any]:
    kind = kind_of(path)
    if kind == "zip":
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a plain .npz of arrays ({error})") from error
    held = read_plain_pickle(path) if kind in ("pickle", "npy") else whole_json(path)
    if not isinstance(held, Mapping):
        raise DataError(f"{path}: holds no dict of arrays; give RouterEval's own file")
    return held


def _scores(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in _SPLITS:
        if f"{key}_score" in data:
            yield key, data[f"{key}_score"]
    for part, value in data.items():
        if isinstance(value, Mapping) and "correctness" in value:
            yield part, value["correctness"]


def _prompts(file: Path, part: str, found: Mapping[str, Any]) -> list[Any]:
    for name in (f"{part}_prompt", part):
        if name in found and not isinstance(found[name], Mapping):
            return list(found[name])
    raise DataError(
        f"{file}: has no prompts of {part}; give --prompts, a pickle or JSON with {part}_prompt"
    )


def _models(held: Mapping[str, Any], findings: Findings) -> list[str] | None:
    for name in ("model", "models"):
        if name in held:
            return [str(model) for model in held[name]]
    findings.note("the file names no models; they are called model-1, model-2 and so on")
    return None


def _rows(
    file: Path,
    part: str,
    scores: Any,
    prompts: list[Any],
    models: list[str] | None,
    findings: Findings,
) -> Iterator[Row]:
    table = np.asarray(scores, dtype=np.float64)
    names = models or [f"model-{at + 1}" for at in range(table.shape[-1])]
    if table.shape != (len(prompts), len(names)):
        raise DataError(
            f"{file}: {part} has scores {table.shape}, but {len(prompts)} prompts and "
            f"{len(names)} models; give the prompts of this very file"
        )
    split = _SPLITS.get(part)
    benchmark = file.stem if split else part
    for number, prompt in enumerate(prompts):
        findings.rows += 1
        place = Place(str(file), f"{part} prompt", number + 1)
        text = str(prompt) if isinstance(prompt, np.str_) else prompt
        for model, score in zip(names, table[number].tolist(), strict=True):
            value = None if score != score else score
            yield Row(place, text, model, value, benchmark=benchmark, split=split)


FORMAT = Format(
    name="routereval",
    summary="RouterEval router datasets and leaderboards, pickle (not run) or .npz",
    expects="train_score, val_score, test_score, or data{part: {correctness}}, by prompt and model",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts"}),
)
