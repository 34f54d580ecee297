"""What a run of collecting would cost, as a table or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from finerouter.cli.output import console, print_json, usd
from finerouter.collecting import Prompt
from finerouter.collecting.estimate import Quote, quote, quote_judge, total
from finerouter.collecting.graders import Grader
from finerouter.collecting.journal import Journal
from finerouter.collecting.work import Pair, work_of
from finerouter.pool import ModelPool


def quotes_of(
    prompts: Sequence[Prompt],
    pool: ModelPool,
    grader: Grader,
    journal: Path,
    pairs: Iterable[Pair] | None,
) -> list[Quote]:
    """The price of what every model, and every judge, is still to be asked.

    Args:
        prompts, pool, grader: of the run.
        journal: of earlier runs; it need not exist.
        pairs: (prompt_id, model) to ask; None for all.

    Raises:
        PoolError: nobody said how a model is asked.
        DataError: the journal is something else, or held by another run.
    """
    opened = Journal(journal if journal.exists() else Path(":memory:"))
    try:
        work = work_of(prompts, pool, pairs, known=opened)
        asked = {prompt.text: grader.questions(prompt, models) for prompt, models in work}
        judging = [
            quote_judge(judge, {text: asked[text][judge.model] for text in asked}, opened)
            for judge in grader.judges
        ]
        texts = {it.model: [p.text for p, models in work if it in models] for it in pool}
        return [*(quote(it, texts[it.model], opened) for it in pool), *judging]
    finally:
        opened.close()


def print_quotes(quotes: list[Quote], *, as_json: bool) -> None:
    """Print a line a model and the sum, or all of it as JSON."""
    expected = total(quote.expected_usd for quote in quotes)
    most = total(quote.most_usd for quote in quotes)
    if as_json:
        print_json(
            {
                "models": [asdict(quote) for quote in quotes],
                "expected_usd": expected,
                "most_usd": most,
            }
        )
        return
    table = Table("model", box=None)
    for head in ("calls", "known", "expected", "at most"):
        table.add_column(head, justify="right")
    for one in quotes:
        money = (_or_unknown(one.expected_usd), _or_unknown(one.most_usd))
        table.add_row(one.model, str(one.calls), str(one.known), *money)
    table.add_row("all", "", "", _or_unknown(expected), _or_unknown(most))
    console().print(table)
    if any(one.assumed and one.calls for one in quotes):
        click.echo("expected: at about 4 bytes a token and at most 300 tokens an answer", err=True)
    if any(one.judge for one in quotes):
        click.echo("judges: as if they had judged nothing yet, at assumed answers", err=True)


def _or_unknown(amount: float | None) -> str:
    return "unknown" if amount is None else usd(amount)
