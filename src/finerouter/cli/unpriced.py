"""What there is to say of models without prices."""

from __future__ import annotations

from collections.abc import Sequence

import click

from finerouter.router import Router


def say_what_is_unpriced(router: Router, models: Sequence[str]) -> None:
    """Say on standard error which of these models lack prices, and where their cost comes from."""
    recorded = dict(zip(router.models, router.cost.recorded.tolist(), strict=True))
    unpriced = [name for name in router.pool.unpriced if name in models]
    by_record = [name for name in unpriced if recorded[name]]
    unknown = [name for name in unpriced if not recorded[name]]
    if by_record:
        click.echo(
            f"no prices for {', '.join(by_record)}: cost is weighed by the recorded cost_usd; give "
            "--pool for prices that can change",
            err=True,
        )
    if unknown:
        click.echo(f"no prices for {', '.join(unknown)}: give --pool to weigh cost", err=True)
