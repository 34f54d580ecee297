"""What a request would have cost elsewhere.

Takes the tokens of a request; gives the USD of the same tokens at other models' prices. What those
models would really have written, and what their providers would have had in their caches, nobody
knows: the figures compare prices, not answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from finerouter.gateway.money.metering import cost_usd
from finerouter.gateway.record import Record, Tokens
from finerouter.pool import Model


@dataclass(frozen=True)
class Elsewhere:
    """The models that a request is compared with.

    Attributes:
        best: the model with the best mean quality; baseline: the one that the settings name.
    """

    best: Model | None = None
    baseline: Model | None = None

    def best_usd(self, tokens: Tokens | None) -> float | None:
        """At the best model's prices, None where they or the tokens are unknown."""
        return _cost(tokens, self.best)

    def baseline_usd(self, tokens: Tokens | None) -> float | None:
        """At the baseline's prices, None likewise."""
        return _cost(tokens, self.baseline)


def saved_usd(record: Record) -> float | None:
    """Cost of always asking the best model less the cost of a request; may be negative.

    None where one of the two is unknown, or where the client asked for a model by its name: then
    nothing was chosen, and nothing saved.
    """
    if record.cost_usd is None or record.best_usd is None or not record.policy:
        return None
    return record.best_usd - record.cost_usd


def _cost(tokens: Tokens | None, model: Model | None) -> float | None:
    return None if tokens is None or model is None else cost_usd(tokens, model)
