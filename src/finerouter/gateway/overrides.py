"""What a single request may ask of the gateway: by header, or in its own field of the body.

Takes headers and the field; gives `Overrides`. The body's word counts before a header's. Knows
nothing of policies' meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Struct

from finerouter.errors import PolicyError
from finerouter.gateway.naming import shown
from finerouter.policy import Policy

_PREFIX = "x-finerouter-"
_DIALS = ("cost_weight", "min_quality", "max_cost_usd", "risk_aversion")


class Overrides(Struct, frozen=True, forbid_unknown_fields=True):
    """Of one request; None where it says nothing.

    Attributes:
        cost_weight, min_quality, risk_aversion: dials of the policy.
        max_cost_usd: most that a model may be expected to cost. It also narrows the policy's budget
            for a call, but does not give way as that does.
        models: to choose from.
        policy: name of the policy.
        session: name of the conversation.
    """

    cost_weight: float | None = None
    min_quality: float | None = None
    max_cost_usd: float | None = None
    risk_aversion: float | None = None
    models: tuple[str, ...] | None = None
    policy: str | None = None
    session: str | None = None

    def applied(self, policy: Policy) -> Policy:
        """The policy with the dials of this request; its budget for a call only shrinks.

        Raises:
            PolicyError: they contradict each other.
        """
        dials = {name: value for name in _DIALS if (value := getattr(self, name)) is not None}
        if not dials:
            return policy
        # Who asks for one of these two does not want the other that the policy has.
        if dials.get("min_quality") is not None:
            dials.setdefault("cost_weight", 0.0)
        elif dials.get("cost_weight"):
            dials.setdefault("min_quality", None)
        if "max_cost_usd" in dials and policy.max_cost_usd is not None:
            dials["max_cost_usd"] = min(dials["max_cost_usd"], policy.max_cost_usd)
        return replace(policy, **dials)


_NOTHING = Overrides()
_HEADERS = {_PREFIX + name.replace("_", "-"): name for name in Overrides.__struct_fields__}
# Of our own answers: whoever copies headers, such as a proxy, may send them back.
_ANSWERED = frozenset(_PREFIX + name for name in ("model", "task", "cost-usd", "decision-id"))
# Of what is wrong, which may quote a name as long as the body.
_MOST_CHARS = 300


def overrides(headers: Mapping[str, str], own: Mapping[str, Any]) -> Overrides:
    """What a request asks for.

    Args:
        headers: names in lower case.
        own: the gateway's field of the body.

    Raises:
        PolicyError: an unknown name, or a value of the wrong kind; names it.
    """
    given = {**_from_headers(headers), **own}
    if not given:
        return _NOTHING
    try:
        return msgspec.convert(given, Overrides, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(Overrides.__struct_fields__)
        raise PolicyError(f"finerouter: {str(error)[:_MOST_CHARS]}; known: {known}") from error


def _from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for header, value in headers.items():
        if not header.startswith(_PREFIX) or header in _ANSWERED:
            continue
        name = _HEADERS.get(header)
        if name is None:
            raise PolicyError(f"there is no header {shown(header)}; known: {', '.join(_HEADERS)}")
        found[name] = _names(value) if name == "models" else value.strip()
    return found


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
