"""From the headers of a request to its caller.

Takes headers and the scope that the request needs; gives a `Caller` or raises `Refused`. Knows
nothing of budgets and of what is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from finerouter.gateway.access.browsers import BrowserCheck
from finerouter.gateway.access.caller import UNKEYED, Caller, Refused
from finerouter.gateway.access.keys import KeyRing, sent_key
from finerouter.gateway.access.rates import TokenBucket
from finerouter.gateway.settings import SCOPES, GatewaySettings, KeyTable

# Without a key among keys: what costs is open, what shows others' doings is not.
_UNKEYED_SCOPES = frozenset(("infer", "route", "feedback"))


class Access:
    """Who may come in.

    Args:
        settings: as checked by `checking.check_settings`.
        clock: seconds, never going back.
    """

    def __init__(
        self, settings: GatewaySettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._ring = KeyRing(settings.keys)
        self._buckets = {table.name: TokenBucket(rate, clock) for table, rate in _rates(settings)}
        self._browsers = BrowserCheck(settings)
        self._unkeyed = _unkeyed(settings)

    def caller(
        self, headers: Mapping[str, str], scope: str = "infer", *, changes: bool = True
    ) -> Caller:
        """Who sent a request, counted in its rate.

        Args:
            headers: of the request; names in lower case, or told apart without case.
            scope: that it needs.
            changes: whether it costs or changes something; False for what only shows.

        Raises:
            Refused: 401 without a key that is known, 403 for what the key does not open or a
                foreign web page sent, 429 for too many requests.
        """
        caller = self._known(headers, changes=changes)
        if scope not in caller.scopes:
            raise Refused(
                403,
                f"{_whose(caller)} lacks the scope {scope!r}; add it to `scopes` of its [[keys]] "
                "in gateway.toml, or use another key",
                "permission_error",
            )
        self._count(caller)
        return caller

    def replaced(self, settings: GatewaySettings) -> Access:
        """By new settings; what keys have used up of an unchanged rate stays used up."""
        access = Access(settings, clock=self._clock)
        for name, bucket in self._buckets.items():
            if name in access._buckets and access._buckets[name].per_minute == bucket.per_minute:
                access._buckets[name] = bucket
        return access

    def _known(self, headers: Mapping[str, str], *, changes: bool) -> Caller:
        key = sent_key(headers)
        # With no keys set a key means nothing, and must not get round the check of browsers.
        if key is None or not len(self._ring):
            return self._without_key(headers, changes=changes)
        caller = self._ring.caller(key)
        if caller is None:
            raise Refused(401, "this gateway key is not known; check it", "authentication_error")
        return caller

    def _without_key(self, headers: Mapping[str, str], *, changes: bool) -> Caller:
        if self._unkeyed is None:
            raise Refused(
                401,
                "a gateway key is missing; send it as `Authorization: Bearer fr-...` or "
                "`x-api-key: fr-...`",
                "authentication_error",
            )
        self._browsers.check(headers, changes=changes)
        return self._unkeyed

    def _count(self, caller: Caller) -> None:
        bucket = self._buckets.get(caller.name)
        wait_s = bucket.take() if bucket is not None else 0.0
        if bucket is not None and wait_s:
            raise Refused(
                429,
                f"key {caller.name!r} may send {bucket.per_minute:g} requests a minute; try again "
                f"in {wait_s:.1f} s",
                "rate_limit_error",
                wait_s,
            )


def _rates(settings: GatewaySettings) -> list[tuple[KeyTable, float]]:
    return [
        (table, table.requests_per_minute)
        for table in settings.keys
        if table.requests_per_minute is not None
    ]


def _unkeyed(settings: GatewaySettings) -> Caller | None:
    if not settings.keys:
        return Caller(UNKEYED, frozenset(SCOPES))
    return Caller(UNKEYED, _UNKEYED_SCOPES) if settings.allow_unkeyed else None


def _whose(caller: Caller) -> str:
    return f"key {caller.name!r}" if caller.name else "a request without a key"
