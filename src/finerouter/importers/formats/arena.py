"""RouteLLM and Chatbot Arena: pairwise preferences, made into scores.

Arena CSV has `model_a, model_b, prompt, winner_model_a, winner_model_b, winner_tie`; JSON has
`idx, model_a, model_b, winner`, with `winner` one of the two words or a tie; where there is no
prompt but an `idx`, `--prompts` joins it. A tie where both are bad is a tie.

A preference is no score: winning depends on the opponent. Within a neighbourhood of some two
hundred like prompts, strengths are fitted (Bradley-Terry, drawn towards the strengths over all
battles), and each battle's result is corrected for the strength of the opponent, so that a score
means "chance to be preferred to another model of the pool, drawn at random". Only the two models
of a battle get a score, and the luck of the single battle stays in it. Sources:
https://github.com/lm-sys/RouteLLM, https://lmarena.ai
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.importers.bradley_terry import against_field, fair_score, strengths, win_chance
from finerouter.importers.findings import Findings
from finerouter.importers.lookups import prompts_by_id
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, first_of, records

Codes = NDArray[np.int64]
_NEIGHBOURHOOD = 200
_MOST_NEIGHBOURHOODS = 500  # of more than 100,000 battles the neighbourhoods are larger
_LEARNED_FROM = 64  # prompts for each neighbourhood's centre; with all of them it is no better
_BLOCK = 20_000
_ROUNDS = 10
_SEED = 0
# A model is seldom much better at one kind of prompt than at all: odds of 1 to 2.7 at one sd.
_LOCAL_SPREAD = 1.0
_GLOBAL_SPREAD = 3.0
_IDS = ("idx", "id", "question_id")


@dataclass(frozen=True)
class _Battle:
    place: Place
    prompt: str
    first: str
    second: str
    result: float


def _fits(seen: Peek) -> bool:
    return seen.has("model_a", "model_b", "winner") or seen.has(
        "model_a", "model_b", "winner_model_a"
    )


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    prompts = prompts_by_id(choices.prompts) if choices.prompts else {}
    battles = list(_battles(source, prompts, findings))
    if not battles:
        why = f"; {findings.examples[0]}" if findings.examples else ""
        raise DataError(f"{source}: holds no battle with a prompt, two models and a winner{why}")
    findings.note(
        "scores are results of battles, corrected for the opponent's strength at like prompts: "
        "the chance to be preferred to another model of the pool"
    )
    yield from _rows(battles)


def _battles(source: Path, prompts: Mapping[str, str], findings: Findings) -> Iterator[_Battle]:
    for file in fitting_files(source, _fits, findings, ".csv", ".jsonl", ".json", ".parquet"):
        for place, record in records(file, findings):
            result = _result(record)
            prompt = _prompt(record) or prompts.get(str(first_of(record, *_IDS)))
            names = record.get("model_a"), record.get("model_b")
            if result is None:
                findings.reject(place, "has no winner that is model_a, model_b or a tie")
            elif not prompt:
                findings.reject(place, _no_prompt(record, prompts))
            elif not all(isinstance(name, str) and name for name in names) or names[0] == names[1]:
                findings.reject(place, "needs two different models")
            else:
                yield _Battle(place, prompt, str(names[0]), str(names[1]), result)


def _prompt(record: Record) -> str | None:
    text = record.get("prompt")
    if isinstance(text, str) and text.startswith('["'):
        # Arena writes the user's turns as a JSON list of texts.
        with suppress(ValueError):
            text = json.loads(text)
    return prompt_text(text) or prompt_text(record.get("conversation_a"))


def _no_prompt(record: Record, prompts: Mapping[str, str]) -> str:
    if prompts:
        return f"has no prompt, nor has --prompts one of idx {first_of(record, *_IDS)!r}"
    return "has no prompt; give --prompts FILE of idx and prompt"


def _result(record: Record) -> float | None:
    winner = record.get("winner")
    if winner is None:
        marks = [
            str(record.get(f"winner_{name}")) in ("1", "1.0", "True")
            for name in ("model_a", "model_b", "tie")
        ]
        return (1.0, 0.0, 0.5)[marks.index(True)] if sum(marks) == 1 else None
    if winner in ("model_a", record.get("model_a")):
        return 1.0
    if winner in ("model_b", record.get("model_b")):
        return 0.0
    return 0.5 if str(winner).startswith("tie") else None


def _rows(battles: Sequence[_Battle]) -> Iterator[Row]:
    numbers: dict[str, int] = {}
    first = _codes([battle.first for battle in battles], numbers)
    second = _codes([battle.second for battle in battles], numbers)
    result = np.array([battle.result for battle in battles])
    overall = strengths(first, second, result, centre=np.zeros(len(numbers)), spread=_GLOBAL_SPREAD)
    of_first, of_second = np.empty(len(battles)), np.empty(len(battles))
    for at in _neighbourhoods([battle.prompt for battle in battles]):
        local = strengths(first[at], second[at], result[at], centre=overall, spread=_LOCAL_SPREAD)
        chance = win_chance(local[first[at]] - local[second[at]])
        field = against_field(local)
        of_first[at] = fair_score(result[at], chance, field[first[at]])
        of_second[at] = fair_score(1 - result[at], 1 - chance, field[second[at]])
    for battle, one, other in zip(battles, of_first.tolist(), of_second.tolist(), strict=True):
        yield Row(battle.place, battle.prompt, battle.first, one)
        yield Row(battle.place, battle.prompt, battle.second, other)


def _codes(names: Sequence[str], numbers: dict[str, int]) -> Codes:
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _neighbourhoods(prompts: Sequence[str]) -> Iterator[Codes]:
    """Battles [battle] of like prompts: k-means cells of their embeddings, some 200 in each."""
    count = min(len(prompts) // _NEIGHBOURHOOD, _MOST_NEIGHBOURHOODS)
    if count < 2:
        yield np.arange(len(prompts))
        return
    cell = _cells(prompts, count)
    order = np.argsort(cell, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(cell[order])) + 1)


def _cells(prompts: Sequence[str], count: int) -> Codes:
    """A cell for each prompt; centres are learned on a sample, so that memory stays small."""
    import faiss

    from finerouter.encoders import StaticEncoder

    encoder = StaticEncoder.load()
    random = np.random.default_rng(_SEED)
    drawn = np.sort(random.permutation(len(prompts))[: count * _LEARNED_FROM])
    sample = encoder.encode([prompts[at] for at in drawn])
    kmeans = faiss.Kmeans(
        sample.shape[1],
        count,
        niter=_ROUNDS,
        seed=_SEED,
        spherical=True,
        # Fewer points than faiss would like in each cell is what is wanted here.
        min_points_per_centroid=1,
        max_points_per_centroid=_LEARNED_FROM,
    )
    kmeans.train(sample)
    blocks = (
        encoder.encode(list(prompts[begin : begin + _BLOCK]))
        for begin in range(0, len(prompts), _BLOCK)
    )
    return np.concatenate([kmeans.index.search(rows, 1)[1][:, 0] for rows in blocks])


FORMAT = Format(
    name="arena",
    summary="RouteLLM and Chatbot Arena preferences, to scores by Bradley-Terry",
    expects="model_a, model_b and a winner in each row",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts"}),
)
