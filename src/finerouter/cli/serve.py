"""finerouter serve: a trained router in front of real endpoints, as an HTTP service."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finerouter.cli.output import console, print_json
from finerouter.errors import UserError

if TYPE_CHECKING:
    from finerouter.gateway.service import Service, Source
    from finerouter.gateway.setup import Setup

_NEEDED = ("starlette", "uvicorn", "aiohttp", "msgspec", "prometheus_client")


@click.command(
    "serve",
    epilog="Example: finerouter serve my-router --config gateway.toml",
)
@click.argument("router", type=click.Path(path_type=Path), required=False)
@click.option(
    "--config", type=click.Path(path_type=Path), help="gateway.toml; see docs/gateway.md."
)
@click.option("--pool", type=click.Path(path_type=Path), help="Pool file with endpoints.")
@click.option("--host", help="Where to listen; anything but loopback wants keys.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Where to listen; 8080 by default.")
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
@click.option("--check", is_flag=True, help="Load and check everything, say so, and end.")
@click.option("--new-key", metavar="NAME", help="Make a gateway key, print it once, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (with --check or --new-key).")
def command(
    router: Path | None,
    config: Path | None,
    pool: Path | None,
    host: str | None,
    port: int | None,
    allow_remote: bool,
    check: bool,
    new_key: str | None,
    as_json: bool,
) -> None:
    """Serve ROUTER: the OpenAI and Anthropic APIs, with `"model": "auto"` routed."""
    _check_installed()
    if new_key is not None:
        _print_key(new_key, as_json=as_json)
        return
    if router is None:
        raise UserError("name the router's folder: finerouter serve ROUTER --config gateway.toml")
    from finerouter.gateway.service import Source

    source = Source(router, config, pool, host, port, allow_remote=allow_remote)
    setup = source.load()
    if check:
        _print_check(setup, source.rehearse(setup), as_json=as_json)
        return
    _serve(source, setup)


def _serve(source: Source, setup: Setup) -> None:
    from finerouter.gateway.observing.logs import configure_logs
    from finerouter.gateway.observing.secrets import endpoint_keys
    from finerouter.gateway.server import serve

    running: list[Service] = []

    def known_keys() -> list[str]:
        # Those of now: a reload may bring further endpoints.
        now = running[0].parts.setup if running else setup
        return endpoint_keys(way.endpoint for model in now.models.values() for way in model.askings)

    logs = configure_logs(setup.settings.log_level, known_keys=known_keys)
    try:
        serve(source, setup, running)
    finally:
        logs.close()


def _check_installed() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"serving needs {missing[0]}: pip install 'finerouter[serve]'")


def _print_key(name: str, *, as_json: bool) -> None:
    from finerouter.gateway.access import new_key

    made = new_key(name)
    if as_json:
        print_json({"name": name, "key": made.key, "sha256": made.sha256})
        return
    out = console()
    out.print(made.key, style="bold")
    out.print("\nIt is shown this once. Put its hash into gateway.toml:\n")
    out.print(made.toml)


def _print_check(setup: Setup, warnings: Sequence[str], *, as_json: bool) -> None:
    settings = setup.settings
    routed = [name for name in setup.router.models if name in setup.models]
    by_name = [name for name in setup.models if name not in setup.router.models]
    if as_json:
        print_json(
            {
                "routed": routed,
                "by_name_only": by_name,
                "without_endpoint": sorted(setup.unreachable),
                "policies": list(setup.policies),
                "address": f"{settings.host}:{settings.port}",
                "keys": [key.name for key in settings.keys],
                "warnings": list(warnings),
            }
        )
        return
    out = console()
    out.print(f"everything loads: {settings.host}:{settings.port}, {len(settings.keys)} keys")
    out.print(f"  routed           {', '.join(routed)}")
    if by_name:
        out.print(f"  by name only     {', '.join(by_name)}")
    for name, reason in setup.unreachable.items():
        out.print(f"  not asked        {name}: {reason}")
    out.print(f"  policies         {', '.join(setup.policies)}")
    for warning in warnings:
        out.print(f"  warning          {warning}", soft_wrap=True)
