"""What an arm costs: takes token counts, gives US dollars at illustrative prices.

The prices belong to the weights, not to the way of asking. They are made up: nobody sells these
models, but without a price there is nothing to trade quality against.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        micro_usd = (
            input_tokens * self.input_usd_per_mtok + output_tokens * self.output_usd_per_mtok
        )
        return micro_usd / 1e6


PRICES = {
    "smollm2-135m": Price(0.02, 0.04),
    "gemma3-270m": Price(0.08, 0.16),
}
