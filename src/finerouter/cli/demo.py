"""finerouter demo: the whole thing on the starter dataset, offline, in under a minute."""

from __future__ import annotations

import time

import click

from finerouter.cli.figures import print_evaluation
from finerouter.cli.output import console, usd
from finerouter.cli.progress import progress_bar
from finerouter.evaluation import EvaluationResult, evaluate
from finerouter.router import Router
from finerouter.starter import starter_outcomes
from finerouter.training import TrainingConfig, train

FLOOR = 0.9
PROMPTS = (
    "How many marbles are left if Lucy has 7 and gives 2 away?",
    'Translate the French word "fleur" into English.',
    'Is this review positive or negative? "The soup was cold and the waiter was rude."',
    'Extract "name" and "city" as JSON: Sofia has just moved to Lisbon.',
    "Sing me a song about the sea in the voice of an old lighthouse.",
)


@click.command("demo", epilog="Example: finerouter demo --seed 1")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def command(seed: int) -> None:
    """Train and evaluate on the starter dataset, then route a few prompts.

    No network, no keys. The outcomes are real: small local models asked in several ways. Their
    prices are illustrative.
    """
    started = time.monotonic()
    out = console()
    outcomes = starter_outcomes()
    fit, held_out = outcomes.split(test_size=0.3, seed=seed)
    out.print(f"Starter dataset: {len(outcomes)} prompts, {len(outcomes.models)} models.")
    with progress_bar() as progress:
        router = train(fit, TrainingConfig(seed=seed), progress=progress)
    out.print(f"Trained on {len(fit)} prompts; discovered {len(router.tasks)} tasks.\n")
    result = evaluate(router, held_out)
    print_evaluation(result)
    out.print()
    _route(router)
    _close(result, time.monotonic() - started)


def _route(router: Router) -> None:
    out = console()
    out.print(f"Routing with min_quality {FLOOR}:")
    for prompt in PROMPTS:
        decision = router.route(prompt, min_quality=FLOOR)
        out.print(f"\n> {' '.join(prompt.split())}")
        out.print(
            f"  {decision.model}: quality {decision.quality:.2f}, {usd(decision.cost_usd)}\n"
            f"  why: {decision.reason}",
        )


def _close(result: EvaluationResult, seconds: float) -> None:
    out = console()
    out.print()
    balanced, single = result.line("balanced"), result.line("best single")
    if balanced.cost_per_1k_usd and single.cost_per_1k_usd and balanced.saved:
        out.print(
            f"Saving: always asking {result.best_single} costs "
            f"{usd(single.cost_per_1k_usd.value)} per 1,000 prompts; the balanced router "
            f"{usd(balanced.cost_per_1k_usd.value)}, {balanced.saved.value:.0%} less."
        )
    out.print(f"Done in {seconds:.0f} s.")
    out.print("Next, on your own outcomes: finerouter train outcomes.csv --out my-router")
