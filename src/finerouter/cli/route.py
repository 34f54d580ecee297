"""finerouter route: which model for this prompt, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from finerouter.cli.decisions import (
    decision_json,
    explanation_json,
    print_decision,
    print_explanation,
)
from finerouter.cli.output import print_json
from finerouter.errors import DataError
from finerouter.policy import Policy
from finerouter.pool import ModelPool
from finerouter.router import Router


@click.command(
    "route",
    epilog='Example: finerouter route my-router "Prove that sqrt(2) is irrational." '
    "--cost-weight 5 --explain",
)
@click.argument("router", type=click.Path(path_type=Path))
@click.argument("prompt")
@click.option("--cost-weight", type=float, help="Quality (0 to 1) given up per USD.")
@click.option("--min-quality", type=float, help="Cheapest with this share of the best quality.")
@click.option("--max-cost", "max_cost_usd", type=float, help="Budget of the call in USD.")
@click.option("--risk-aversion", type=float, help="Standard deviations taken off quality.")
@click.option("--allow", multiple=True, help="A model to choose from; repeat for more.")
@click.option("--deny", multiple=True, help="A model never to choose; repeat for more.")
@click.option("--needs", multiple=True, help="A capability the model must have; repeat for more.")
@click.option("--pool", type=click.Path(path_type=Path), help="Other prices, without training.")
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
@click.option("--explain", is_flag=True, help="Everything behind the choice.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    router: Path,
    prompt: str,
    pool: Path | None,
    allow_remote: bool,
    explain: bool,
    as_json: bool,
    **dials: Any,
) -> None:
    """Choose a model for PROMPT; "-" reads the prompt from standard input."""
    text = _read_stdin() if prompt == "-" else prompt
    policy = Policy(**{key: value for key, value in dials.items() if value not in (None, ())})
    loaded = Router.load(router, allow_remote=allow_remote)
    if pool is not None:
        loaded = loaded.with_pool(ModelPool.read(pool))
    if explain:
        explanation = loaded.explain(text, policy)
        if as_json:
            print_json(explanation_json(explanation))
        else:
            print_explanation(explanation)
        return
    decision = loaded.route(text, policy)
    if as_json:
        print_json(decision_json(decision))
    else:
        print_decision(decision)


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"standard input: byte {error.start} is not UTF-8; send the prompt as UTF-8"
        ) from error
