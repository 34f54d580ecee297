"""What is refused when gateway.toml is read, because it would fail or surprise at a request.

Takes settings and the names that they may use; raises with the table and the next step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from finerouter.errors import ConfigError
from finerouter.gateway.access.browsers import is_loopback
from finerouter.gateway.observing.tracing import check_collector
from finerouter.gateway.settings import SCOPES, BudgetTable, GatewaySettings, KeyTable

_LOG_LEVELS = ("debug", "info", "warning", "error", "critical")


def check_bind(settings: GatewaySettings) -> None:
    """Refuse to serve everybody who can reach this machine.

    Raises:
        ConfigError: the host is not loopback, and there are no keys.
    """
    if not settings.keys and not is_loopback(settings.host):
        raise ConfigError(
            f"host {settings.host!r} is open to others, and there are no keys: anybody could spend "
            "your money; make a key with `finerouter serve --new-key NAME` and put its [[keys]] "
            "table into gateway.toml, or listen on 127.0.0.1"
        )


def open_without_key(settings: GatewaySettings) -> str:
    """Whether anybody may come in from elsewhere although there are keys: what to do, or ""."""
    if not settings.allow_unkeyed or is_loopback(settings.host):
        return ""
    return (
        f"host {settings.host!r} is open to others, and allow_unkeyed serves them without a key: "
        "anybody could spend your money; remove allow_unkeyed, or listen on 127.0.0.1"
    )


def check_settings(
    settings: GatewaySettings,
    models: Collection[str],
    policies: Collection[str],
    *,
    unpriced: Collection[str] = (),
) -> None:
    """Refuse names that do not exist and rules that could not be kept.

    Args:
        settings: of gateway.toml.
        models: names in the pool.
        policies: names of policies.
        unpriced: models of the pool that lack a price.

    Raises:
        ConfigError: names the table, what is wrong, and the next step.
    """
    check_bind(settings)
    if settings.telemetry.otlp_endpoint is not None:
        check_collector(settings.telemetry.otlp_endpoint)
    for check in (_own_names, _keys_apart):
        for complaint in check(settings):
            raise ConfigError(complaint)
    for where, table in _named_keys(settings):
        for complaint in _key(where, table, models, policies):
            raise ConfigError(complaint)
    for complaint in _budgets(settings, unpriced):
        raise ConfigError(complaint)
    for name, policy in settings.policies.items():
        where = f"[policies.{name}]"
        for complaint in _models(where, (*(policy.allow or ()), *policy.deny), models):
            raise ConfigError(complaint)
    if settings.default_policy not in policies:
        raise ConfigError(_no_policy("default_policy", settings.default_policy, policies))


def _own_names(settings: GatewaySettings) -> Iterator[str]:
    if settings.log_level not in _LOG_LEVELS:
        yield (
            f"log_level: there is no {settings.log_level!r}; take one of {', '.join(_LOG_LEVELS)}"
        )


def _keys_apart(settings: GatewaySettings) -> Iterator[str]:
    names: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for where, table in _named_keys(settings):
        if table.name in names:
            yield f"{where}: {names[table.name]} has that name too; give it another one"
        if table.sha256 in hashes:
            yield (
                f"{where}: its sha256 is that of {hashes[table.sha256]} too; make another key with "
                "`finerouter serve --new-key NAME`"
            )
        names[table.name] = hashes[table.sha256] = where


def _key(
    where: str, table: KeyTable, models: Collection[str], policies: Collection[str]
) -> Iterator[str]:
    for scope in table.scopes:
        if scope not in SCOPES:
            yield f"{where}: there is no scope {scope!r}; take some of {', '.join(SCOPES)}"
    if not table.scopes:
        yield f"{where}: it opens nothing; give it `scopes`, or remove it"
    if table.policy is not None and table.policy not in policies:
        yield _no_policy(f"{where}: policy", table.policy, policies)
    yield from _models(where, (*(table.allow or ()), *table.deny), models)
    if not any(
        table.allow is None or name in table.allow for name in set(models) - set(table.deny)
    ):
        yield f"{where}: `allow` and `deny` leave it no model of the pool; relax one of them"


def _models(where: str, names: Iterable[str], models: Collection[str]) -> Iterator[str]:
    for name in names:
        if name not in models:
            yield f"{where}: model {name!r} is not in the pool; it has {', '.join(sorted(models))}"


def _budgets(settings: GatewaySettings, unpriced: Collection[str]) -> Iterator[str]:
    tables = [("[budget]", settings.budget)]
    tables += [(f"{where} budget", table.budget) for where, table in _named_keys(settings)]
    for where, budget in tables:
        limited = _limits(budget)
        if budget.tier_down_at is not None and not limited:
            yield f"{where}: tier_down_at is a share of nothing; set hour_usd, day_usd or month_usd"
        if limited and unpriced:
            yield (
                f"{where}: cannot be kept, for model {min(unpriced)!r} has no price; give it "
                "input_usd_per_mtok and output_usd_per_mtok in the pool (0 if it costs nothing)"
            )


def _limits(budget: BudgetTable) -> bool:
    return any(limit is not None for limit in (budget.hour_usd, budget.day_usd, budget.month_usd))


def _named_keys(settings: GatewaySettings) -> list[tuple[str, KeyTable]]:
    return [
        (f"[[keys]] number {number} ({table.name})", table)
        for number, table in enumerate(settings.keys, 1)
    ]


def _no_policy(where: str, name: str, policies: Collection[str]) -> str:
    return f"{where}: there is no policy {name!r}; add [policies.{name}], or take one of " + (
        ", ".join(sorted(policies))
    )
