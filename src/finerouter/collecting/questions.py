"""Questions to one model -> its answers, each paid for once.

Takes texts; gives texts. The same journal, budget and cache as collecting, for work that needs an
answer to every question, such as describing prompts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from finerouter.collecting.asker import Asker, Missing
from finerouter.collecting.journal import Journal
from finerouter.collecting.request import check_askable
from finerouter.errors import EndpointError
from finerouter.pool import Model


def ask_all(
    questions: Sequence[str],
    model: Model,
    *,
    journal: Path,
    budget_usd: float | None = None,
    ask_again: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **client: Any,
) -> list[str]:
    """Ask a model what it was not asked before.

    Args:
        questions: the same one is asked once.
        model: with its endpoint.
        journal: file of all calls; made when it is missing.
        budget_usd: what all runs of this journal may cost, None for any amount.
        ask_again: also ask what a killed run may have paid for.
        progress: called with answers had and questions in all.
        client: options of `Upstream`, such as its patience.

    Returns:
        An answer each, "" where the model said nothing, or a killed run may have paid for it.

    Raises:
        EndpointError: there is no answer to one; what was answered is kept.
        PoolError, DataError, OutputError: as in `collect`.
    """
    check_askable([model], budget_usd=budget_usd)
    report = progress or (lambda *_: None)
    opened = Journal(journal)
    try:
        asker = Asker(
            opened, budget_usd=budget_usd, ask_again=ask_again, all_or_nothing=True, **client
        )
        return asyncio.run(_all(questions, model, asker, report))
    finally:
        opened.close()


async def _all(
    questions: Sequence[str],
    model: Model,
    asker: Asker,
    report: Callable[[int, int], None],
) -> list[str]:
    texts: dict[str, str] = {}
    different = list(dict.fromkeys(questions))
    report(0, len(different))

    async def one(question: str) -> None:
        kept = await asker.ask(model, question)
        if not isinstance(kept, Missing):
            texts[question] = kept.answer.text
            report(len(texts), len(different))

    async with asker:
        await asyncio.gather(*map(one, different))
    if asker.tally.stopped:
        raise EndpointError(
            f"{asker.tally.stopped}; {len(texts)} of {len(different)} answers are kept in "
            f"{asker.journal.path}: run the same again to go on from there"
        )
    return [texts.get(question, "") for question in questions]
