"""All formats, in the order in which a first look is compared with them."""

from __future__ import annotations

from finerouter.errors import ConfigError
from finerouter.importers.formats import (
    arena,
    avengers,
    carrot,
    embedllm,
    inspect_logs,
    litellm,
    llmrouter,
    llmrouterbench,
    lm_eval,
    notdiamond,
    nvidia,
    openai_batch,
    promptfoo,
    routerarena,
    routerbench,
    routerdc,
    routereval,
    sprout,
    table,
)
from finerouter.importers.peeking import Peek
from finerouter.importers.protocol import Format

FORMATS: tuple[Format, ...] = (
    routerbench.FORMAT,
    llmrouterbench.FORMAT,
    avengers.FORMAT,
    routerarena.FORMAT,
    embedllm.FORMAT,
    routerdc.FORMAT,
    sprout.FORMAT,
    carrot.FORMAT,
    routereval.FORMAT,
    llmrouter.FORMAT,
    arena.FORMAT,
    notdiamond.FORMAT,
    nvidia.FORMAT,
    lm_eval.FORMAT,
    inspect_logs.FORMAT,
    promptfoo.FORMAT,
    litellm.FORMAT,
    openai_batch.FORMAT,
    # Last: it fits whatever has rows.
    table.FORMAT,
)


def format_named(name: str) -> Format:
    """The format of this name.

    Raises:
        ConfigError: there is none.
    """
    for item in FORMATS:
        if item.name == name:
            return item
    raise ConfigError(f"no format {name!r}; there are {', '.join(item.name for item in FORMATS)}")


def formats_that_fit(seen: Peek) -> list[str]:
    """Names of the formats that a first look fits; `table` only where nothing else does."""
    particular = [item.name for item in FORMATS[:-1] if item.fits(seen)]
    return particular or [item.name for item in FORMATS[-1:] if item.fits(seen)]
