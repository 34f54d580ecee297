"""How a model can be asked what a request says.

Takes a request and the endpoints of models; gives those that can be asked, each with the API to
speak, and the reasons why others cannot. What cannot be said in an endpoint's API is found here,
before anything is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from finerouter.asking import Asking, Endpoint
from finerouter.gateway.request import Request
from finerouter.gateway.translating import obstacles
from finerouter.pool import Model

# Names of what a provider keeps, and of which it is sent no more than the name.
_TIES = ("previous_response_id", "conversation")
_UNKNOWN_THERE = "what the conversation goes on from is not known there"


@dataclass(frozen=True)
class Way:
    """One endpoint of a model, and the API in which it is asked."""

    asking: Asking
    api: str


@dataclass(frozen=True)
class Ways:
    """All endpoints of one model.

    Attributes:
        can: those that can be asked, by name.
        cannot: why each of the others cannot, by name.
    """

    can: Mapping[str, Way]
    cannot: Mapping[str, str] = field(default_factory=dict)

    @property
    def unfit(self) -> frozenset[str]:
        """Names of those that cannot be asked."""
        return frozenset(self.cannot)

    @property
    def reason(self) -> str:
        """Why none can be asked; "" where one can."""
        return "" if self.can else "; ".join(dict.fromkeys(self.cannot.values()))

    def only(self, endpoint: str) -> Ways:
        """The same with one endpoint at most, where alone the conversation is known."""
        others = {name: _UNKNOWN_THERE for name in self.can if name != endpoint}
        can = {name: way for name, way in self.can.items() if name == endpoint}
        return Ways(can, {**self.cannot, **others})


class PoolWays:
    """How the models of a pool can be asked.

    Most requests can be asked everywhere, so what that comes to is kept for each API.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = tuple(models)
        self._open: dict[str, tuple[Mapping[str, Ways], tuple[Way, ...]]] = {}

    def of(self, request: Request) -> Mapping[str, Ways]:
        """For every model how it can be asked this, by name; not to be changed."""
        if request.api not in self._open:
            ways = _open_ways(self._models, request.api)
            self._open[request.api] = ways, _different(ways.values())
        found, different = self._open[request.api]
        asker = _Asker(request)
        if any(map(asker.obstacle, different)):
            return {name: asker.sorted(ways.can) for name, ways in found.items()}
        return found


def ways_of(request: Request, models: Iterable[Model]) -> Mapping[str, Ways]:
    """The same for a few models at once."""
    return PoolWays(models).of(request)


def tie(request: Request) -> str:
    """The field by which a request goes on from what one provider keeps; "" for none."""
    if request.api != "responses":
        return ""
    return next((name for name in _TIES if request.fields.get(name)), "")


def tied(all_ways: Mapping[str, Ways], place: tuple[str, str]) -> Mapping[str, Ways]:
    """The ways of a request that only one model at one endpoint understands."""
    model, endpoint = place
    return {name: ways.only(endpoint if name == model else "") for name, ways in all_ways.items()}


def _open_ways(models: Iterable[Model], api: str) -> dict[str, Ways]:
    """The ways for a request of an API that nothing stands in the way of."""
    return {
        model.model: Ways(
            {
                asking.endpoint.name: Way(asking, spoken(asking.endpoint, api))
                for asking in model.askings
            }
        )
        for model in models
    }


def spoken(endpoint: Endpoint, api: str) -> str:
    """The API in which an endpoint is asked what came in `api`: that one, if it speaks it."""
    if api == "embeddings":
        return "embeddings" if endpoint.api == "chat" else endpoint.api
    return api if api in endpoint.also else endpoint.api


def _different(all_ways: Iterable[Ways]) -> tuple[Way, ...]:
    """One way of each kind in which a request is looked at."""
    ways = (way for ways in all_ways for way in ways.can.values())
    return tuple({(way.api, id(way.asking.parameters)): way for way in ways}.values())


class _Asker:
    """Looks at a request once for each way of asking, however many models share it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._seen: dict[tuple[str, int], str] = {}

    def sorted(self, ways: Mapping[str, Way]) -> Ways:
        """Those that can be asked this, and why the others cannot."""
        reasons = {name: self.obstacle(way) for name, way in ways.items()}
        can = {name: way for name, way in ways.items() if not reasons[name]}
        return Ways(can, {name: reason for name, reason in reasons.items() if reason})

    def obstacle(self, way: Way) -> str:
        """Why it cannot be asked this, "" where it can."""
        request, parameters = self._request, way.asking.parameters
        if request.api == "embeddings":
            known = way.api == "embeddings"
            return "" if known else f"an endpoint that speaks {way.api} has no embeddings"
        key = (way.api, id(parameters))
        if key not in self._seen:
            found = obstacles(request.fields, request.api, way.api, parameters)
            self._seen[key] = "; ".join(found)
        return self._seen[key]
