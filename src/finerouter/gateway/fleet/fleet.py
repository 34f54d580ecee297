"""All endpoints of a pool, and which of them to ask for a model.

Takes the models' askings and the gateway's settings. Knows nothing of requests; `dispatching`
makes the calls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from finerouter.asking import Asking
from finerouter.errors import ConfigError
from finerouter.gateway.fleet.endpoint import EndpointStanding, EndpointState
from finerouter.gateway.fleet.health import watch
from finerouter.gateway.fleet.retry_budget import RetryBudget
from finerouter.gateway.settings import GatewaySettings
from finerouter.upstream.limits import Clock

_Askings = Mapping[str, tuple[Asking, ...]]


@dataclass(frozen=True)
class Way:
    """One way to a model: how it is asked, and the state of the endpoint that it goes to."""

    asking: Asking
    state: EndpointState

    @property
    def usable(self) -> bool:
        """Whether a call may go out now."""
        return self.state.usable(self.asking.upstream_model)

    @property
    def remaining_s(self) -> float:
        """Seconds for which it is left alone."""
        return self.state.remaining_s(self.asking.upstream_model)


class Fleet:
    """All endpoints of the pool; for one event loop."""

    def __init__(
        self, askings: _Askings, settings: GatewaySettings, *, clock: Clock = time.monotonic
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            askings: by model.
            settings: of the gateway.
            clock: seconds that never run backwards.

        Raises:
            ConfigError: two different endpoints have one name.
            UserError: aiohttp is not installed.
        """
        self.settings = settings
        self.clock = clock
        self.budget = RetryBudget(settings.retries.budget)
        self._watch: asyncio.Task[None] | None = None
        self._states: dict[str, EndpointState] = {}
        self._ways: dict[str, tuple[Way, ...]] = {}
        self._set(askings, {})

    async def start(self) -> None:
        """Begin to look after endpoints that are left alone."""
        interval_s = self.settings.breaker.health_interval_s
        if interval_s and self._watch is None:
            look = watch(self._states.values, interval_s)
            self._watch = asyncio.get_running_loop().create_task(look)

    async def close(self) -> None:
        """Close all connections now; what is under way breaks off, and nothing more begins."""
        watching = self._stop_watch()
        if watching:
            await asyncio.gather(watching, return_exceptions=True)
        await asyncio.gather(*(state.close() for state in self._states.values()))

    def askings(self, model: str) -> tuple[Asking, ...]:
        """All ways of asking a model, () where it is not in the pool."""
        return tuple(way.asking for way in self._ways.get(model, ()))

    def ways(self, model: str) -> tuple[Way, ...]:
        """The same, with the endpoints' states."""
        return self._ways.get(model, ())

    def usable(self, model: str) -> bool:
        """Whether some endpoint of it may be asked now."""
        return any(way.usable for way in self._ways.get(model, ()))

    @property
    def untroubled(self) -> bool:
        """Whether all models with an endpoint can be asked, for none ever was in trouble."""
        return all(state.untroubled for state in self._states.values())

    def choice(self, model: str, asked: Collection[str], prefer: str = "") -> Way | None:
        """The endpoint to ask: `prefer` if it may be, else the one with the most room."""
        best, least = None, 0.0
        for way in self._ways.get(model, ()):
            name = way.asking.endpoint.name
            if name in asked or not way.usable:
                continue
            load = -1.0 if name == prefer else way.state.slots.load
            if best is None or load < least:
                best, least = way, load
        return best

    def standing(self) -> list[EndpointStanding]:
        """How all endpoints do, in the order of the pool."""
        return [state.standing() for state in self._states.values()]

    def replaced(self, askings: _Askings, settings: GatewaySettings) -> Fleet:
        """A fleet for changed files, which takes this one's place.

        An endpoint that is the same in the files keeps its connections, breakers and slots. One
        that is gone or changed ends its calls and then closes. A walk that this fleet still has
        under way ends as it began.
        """
        fleet = Fleet({}, settings, clock=self.clock)
        fleet._set(askings, self._states)
        for name, state in self._states.items():
            if fleet._states.get(name) is not state:
                state.retire()
        if self._watch:
            self._stop_watch()
            interval_s = settings.breaker.health_interval_s
            if interval_s:
                look = watch(fleet._states.values, interval_s)
                fleet._watch = asyncio.get_running_loop().create_task(look)
        return fleet

    def _set(self, askings: _Askings, old: Mapping[str, EndpointState]) -> None:
        all_askings = [asking for several in askings.values() for asking in several]
        for asking in all_askings:
            name, endpoint = asking.endpoint.name, asking.endpoint
            if name not in self._states:
                self._states[name] = self._state(asking, old.get(name))
            elif self._states[name].endpoint != endpoint:
                raise ConfigError(f"two different endpoints are called {name!r}; rename one")
        for name, state in self._states.items():
            known = [a.upstream_model for a in all_askings if a.endpoint.name == name]
            state.serves(tuple(dict.fromkeys(known)))
        self._ways = {
            model: tuple(Way(asking, self._states[asking.endpoint.name]) for asking in several)
            for model, several in askings.items()
        }

    def _state(self, asking: Asking, old: EndpointState | None) -> EndpointState:
        same = old is not None and old.endpoint == asking.endpoint
        if old is not None and same and _alike(old.settings, self.settings):
            return old
        return EndpointState(asking.endpoint, self.settings, self.clock)

    def _stop_watch(self) -> asyncio.Task[None] | None:
        watching, self._watch = self._watch, None
        if watching:
            watching.cancel()
        return watching


def _alike(old: GatewaySettings, new: GatewaySettings) -> bool:
    return old.timeouts == new.timeouts and old.breaker == new.breaker
