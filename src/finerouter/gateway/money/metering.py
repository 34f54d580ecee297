"""From what an endpoint reported to tokens and USD.

Takes the usage of an answer, or the bytes that went both ways; gives `Tokens` and their cost at a
model's prices. Pure. The pool's prices are the only ones: an endpoint that reports a cost of its
own (some gateways do) is not believed, so that cost, budgets and savings are in the same terms for
all endpoints. Whoever pays another price says so in the pool.
"""

from __future__ import annotations

from collections.abc import Iterable

from finerouter.gateway.record import Tokens
from finerouter.pool import Model
from finerouter.upstream.usage import Usage

BYTES_PER_TOKEN = 4
# What an answer usually has at most: clients that set `max_tokens` set far more than they get.
USUAL_OUTPUT = 1_000
_MILLION = 1e6


def metered(
    usage: Usage | None, *, request_bytes: int, answer_bytes: int, complete: bool = True
) -> Tokens:
    """Tokens of an answer as reported; a fourth of the bytes, rounded up, where nothing was.

    Args:
        usage: as reported, None for nothing.
        request_bytes, answer_bytes: of what was asked and said.
        complete: whether the answer came to its end. What was reported of one that did not (some
            say "1 token" at their beginning) is the least that it can have been.
    """
    guess = _guess(answer_bytes)
    if usage is None:
        return Tokens(input=_guess(request_bytes), output=guess, estimated=True)
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    return Tokens(
        input=usage.input_tokens,
        output=usage.output_tokens if complete else max(usage.output_tokens, guess),
        cached_input=cached,
        cache_write=min(usage.cache_write_tokens, usage.input_tokens - cached),
        reasoning=min(usage.reasoning_tokens, usage.output_tokens),
        estimated=not complete,
    )


def added(parts: Iterable[Tokens]) -> Tokens:
    """All of them together; estimated if any part is."""
    parts = list(parts)
    return Tokens(
        input=sum(part.input for part in parts),
        output=sum(part.output for part in parts),
        cached_input=sum(part.cached_input for part in parts),
        cache_write=sum(part.cache_write for part in parts),
        reasoning=sum(part.reasoning for part in parts),
        estimated=any(part.estimated for part in parts),
    )


def cost_usd(tokens: Tokens, model: Model) -> float | None:
    """What the tokens cost at a model's prices, None where it has none.

    Input from and to a prompt cache is billed at its own price, and as input where there is none;
    thoughts are part of the output.
    """
    price, output = model.input_usd_per_mtok, model.output_usd_per_mtok
    if price is None or output is None:
        return None
    cached = price if (own := model.cached_input_usd_per_mtok) is None else own
    write = price if (own := model.cache_write_usd_per_mtok) is None else own
    fresh = tokens.input - tokens.cached_input - tokens.cache_write
    usd = fresh * price + tokens.cached_input * cached + tokens.cache_write * write
    return (usd + tokens.output * output) / _MILLION


def expected_usd(model: Model, *, request_bytes: int, max_tokens: int | None) -> float | None:
    """What to hold for a model asked for by name, of which no router says what it will cost."""
    output = USUAL_OUTPUT if max_tokens is None else max(0, min(max_tokens, USUAL_OUTPUT))
    return cost_usd(Tokens(input=_guess(request_bytes), output=output), model)


def _guess(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
