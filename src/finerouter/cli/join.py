"""finerouter join: a new model joins a trained router."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from finerouter.artifact import check_output
from finerouter.cli.output import print_json
from finerouter.cli.unpriced import say_what_is_unpriced
from finerouter.errors import PoolError
from finerouter.joining import CAUTION, join, joined_models, read_benchmarks, with_known
from finerouter.outcomes import OutcomeTable
from finerouter.pool import Model, ModelPool
from finerouter.router import Router

_LIKENESS_SHOWN = 3


@click.command(
    "join",
    epilog="Example: finerouter join my-router new-model --pool pool.toml --outcomes probed.csv "
    "--known outcomes.csv --out wider-router",
)
@click.argument("router", type=click.Path(path_type=Path))
@click.argument("model")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--pool", type=click.Path(path_type=Path), help="Has the new model's prices.")
@click.option("--outcomes", type=click.Path(path_type=Path), help="The new model's on probes.")
@click.option("--known", type=click.Path(path_type=Path), help="The other models' on the probes.")
@click.option("--like", help="A model of the router that it is like.")
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    help="CSV of model, benchmark, score: declared, of MODEL and two or more of ROUTER's models.",
)
@click.option(
    "--caution",
    type=click.FloatRange(0, 10),
    default=CAUTION,
    show_default=True,
    help="Standard deviations taken off its quality.",
)
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(
    router: Path,
    model: str,
    out: Path,
    pool: Path | None,
    outcomes: Path | None,
    known: Path | None,
    like: str | None,
    scores: Path | None,
    caution: float,
    allow_remote: bool,
    as_json: bool,
) -> None:
    """Add MODEL to ROUTER without training: from probes, declared scores, or a model it is like.

    Choose probes with: finerouter probes. The more probes, the narrower the uncertainty.

    Declared scores tell only by comparison: on each benchmark of --scores there must be one of
    MODEL and of at least two models that ROUTER knows. Any scale will do, the same within a
    benchmark. Without the column benchmark they are taken as overall scores.
    """
    check_output(out)
    loaded = Router.load(router, allow_remote=allow_remote)
    entry = _entry(model, pool)
    probes = OutcomeTable.read(outcomes) if outcomes else None
    if probes is not None and known is not None:
        probes = with_known(probes, OutcomeTable.read(known))
    joined = join(
        loaded,
        entry,
        probes=probes,
        like=like,
        benchmarks=read_benchmarks(scores) if scores else None,
        caution=caution,
    )
    joined.save(out)
    record = joined_models(joined)[-1]
    if as_json:
        print_json({"router": str(out), **{k: v for k, v in record.items() if k != "prompt_ids"}})
    else:
        _print(joined, out, record)


def _entry(name: str, path: Path | None) -> Model:
    if path is None:
        return Model(name)
    pool = ModelPool.read(path)
    if name not in pool.names:
        raise PoolError(f"{path}: has no entry of {name!r}; it has {', '.join(pool.names)}")
    return pool[name]


def _print(router: Router, out: Path, record: dict[str, Any]) -> None:
    nearest = sorted(record["likeness"].items(), key=lambda pair: -pair[1])[:_LIKENESS_SHOWN]
    likeness = ", ".join(f"{name} {weight:.2f}" for name, weight in nearest)
    click.echo(
        f"{out}: {record['model']} joined on {record['probes']} probes, quality "
        f"{100 * record['quality']:.1f} ± {100 * record['quality_std']:.1f} points"
    )
    click.echo(f"most like: {likeness}")
    say_what_is_unpriced(router, [record["model"]])
    click.echo(f"next: finerouter route {out} PROMPT --explain")
