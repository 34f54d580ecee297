"""What a run would cost, before anything is spent.

Takes prompts, models and the journal; gives a `Quote` per model. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finerouter.collecting.journal import Journal, Question
from finerouter.collecting.request import asking_of, question_of
from finerouter.collecting.spending import cost_usd, most_output_tokens
from finerouter.pool import Model
from finerouter.upstream.apis import request_body
from finerouter.upstream.usage import Usage

# Where the journal knows nothing of a model yet: about four bytes a token in English, and answers
# of a few paragraphs.
ASSUMED_TOKENS_PER_BYTE = 0.25
ASSUMED_OUTPUT_TOKENS = 300.0
# What a judge reads beside the prompt: its instructions, and answers of that length.
_JUDGED_BYTES = 2_500


@dataclass(frozen=True)
class Quote:
    """The price of what one model is still to be asked.

    Attributes:
        model: as the pool calls it.
        calls: questions that the journal has no answer to.
        known: questions that it has.
        expected_usd: at the journal's tokens per call, or at assumed ones; None without prices.
        most_usd: if every answer were as long as it may be; None where that is unknown.
        assumed: whether token counts are assumed, for want of answers in the journal.
        judge: whether it is asked to judge; answers that are not there yet are assumed then.
    """

    model: str
    calls: int
    known: int
    expected_usd: float | None
    most_usd: float | None
    assumed: bool
    judge: bool = False


def quote(model: Model, prompts: Iterable[str], journal: Journal) -> Quote:
    """The price of asking a model these prompts.

    Raises:
        PoolError: nobody said how the model is asked.
    """
    questions = {question.key: question for question in (question_of(model, p) for p in prompts)}
    missing = [question for key, question in questions.items() if journal.find(key) is None]
    habit = journal.habit(model.model)
    per_byte = habit.input_tokens_per_byte if habit else ASSUMED_TOKENS_PER_BYTE
    output = habit.output_tokens if habit else _assumed_output(model)
    read = per_byte * sum(question.prompt_bytes for question in missing)
    return Quote(
        model=model.model,
        calls=len(missing),
        known=len(questions) - len(missing),
        expected_usd=cost_usd(model, Usage(round(read), round(output * len(missing)))),
        most_usd=_most(missing),
        assumed=habit is None,
    )


def quote_judge(judge: Model, prompts: Mapping[str, int], journal: Journal) -> Quote:
    """The price of asking a judge so many questions about each prompt.

    What it reads is not written yet, so nothing is known of the most that it could cost.

    Raises:
        PoolError: nobody said how the judge is asked.
    """
    calls = sum(prompts.values())
    habit = journal.habit(judge.model)
    output = habit.output_tokens if habit else _assumed_output(judge)
    read = sum(
        count * (question_of(judge, text).prompt_bytes + _JUDGED_BYTES)
        for text, count in prompts.items()
    )
    per_byte = habit.input_tokens_per_byte if habit else ASSUMED_TOKENS_PER_BYTE
    usage = Usage(round(read * per_byte), round(output * calls))
    return Quote(judge.model, calls, 0, cost_usd(judge, usage), None, True, judge=True)


def total(amounts: Iterable[float | None]) -> float | None:
    """The sum; None when a part is unknown."""
    parts = list(amounts)
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _assumed_output(model: Model) -> float:
    most = most_output_tokens(model, request_body(asking_of(model), ""))
    return min(ASSUMED_OUTPUT_TOKENS, most or ASSUMED_OUTPUT_TOKENS)


def _most(missing: list[Question]) -> float | None:
    return total(question.most_usd for question in missing)
