"""The command line of the comparison."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.comparison import openings
from benchmarks.comparison.compare import Options, compare, show
from benchmarks.comparison.methods import EQUAL, METHODS
from benchmarks.machine import RESULTS
from finerouter.errors import UserError

HERE = Path(__file__).parent
NEEDED = ("best single", "cheapest")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, record."""
    given = _arguments(arguments)
    options = _options(given)
    try:
        for dataset in options.datasets:
            if given.recorded:
                show(options, dataset)
            else:
                compare(options, dataset)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.comparison",
        description="finerouter against published methods; goes on where an earlier run stopped.",
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of them")
    parser.add_argument("--datasets", nargs="+", default=["pool11", "open7"])
    parser.add_argument(
        "--part",
        choices=("development", "sealed"),
        default="development",
        help="sealed: judge on prompts kept for milestones; every opening is recorded",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--reference", default=EQUAL, help="method the others are compared with")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--processes", type=int, help="by default one a core")
    parser.add_argument("--cache", type=Path, default=HERE.parent / ".cache")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--who", default="", help="who opens the sealed part")
    parser.add_argument("--why", default="", help="what for")
    without = parser.add_mutually_exclusive_group()
    without.add_argument(
        "--recorded", action="store_true", help="print what --results holds; run nothing"
    )
    without.add_argument(
        "--kept",
        action="store_true",
        help="figures of the record anew, from outcomes in --cache; judge nothing, open nothing",
    )
    given = parser.parse_args(arguments)
    opens = given.part == "sealed" and not (given.recorded or given.kept)
    if opens and not (given.who and given.why):
        parser.error("the sealed part is opened with --who and --why; both go on record")
    return given


def _options(given: argparse.Namespace) -> Options:
    return Options(
        data=given.data,
        datasets=tuple(given.datasets),
        part=given.part,
        seeds=tuple(range(given.seeds)),
        methods=tuple(name for name in METHODS if name in {*given.methods, *NEEDED}),
        reference=given.reference,
        resamples=given.resamples,
        processes=given.processes,
        cache=given.cache,
        results=given.results,
        who=given.who,
        why=given.why,
        kept=given.kept,
        # Once for all datasets: the records themselves, and whoever works meanwhile, change it.
        code=openings.commit(),
    )


if __name__ == "__main__":
    main()
