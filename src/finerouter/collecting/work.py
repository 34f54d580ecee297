"""Which models are asked about which prompts.

Takes prompts, a pool and the pairs that are wanted, and the journal where its answers count too;
gives `Work`. Reads no file and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finerouter.collecting.journal import Journal
from finerouter.collecting.prompts import Prompt
from finerouter.collecting.request import question_of
from finerouter.errors import DataError
from finerouter.pool import Model, ModelPool

Pair = tuple[str, str]
Work = list[tuple[Prompt, list[Model]]]


def work_of(
    prompts: Sequence[Prompt],
    pool: ModelPool,
    pairs: Iterable[Pair] | None,
    *,
    known: Journal | None = None,
) -> Work:
    """Each prompt with the models to ask about it, models in the order of the pool.

    Args:
        prompts: to choose from.
        pool: models to choose from.
        pairs: (prompt_id, model) that are wanted, in the order in which to ask; None for all.
        known: what it has answers to is taken up beside `pairs`, after them; None for nothing.

    Raises:
        DataError: a pair is of no prompt.
        PoolError: a pair is of no model, or nobody said how a model is asked.
    """
    if pairs is None:
        return [(prompt, list(pool)) for prompt in prompts]
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    names: dict[str, set[str]] = {}
    for prompt_id, name in pairs:
        if prompt_id not in by_id:
            raise DataError(f"no prompt has the id {prompt_id!r}; give pairs of these prompts")
        names.setdefault(prompt_id, set()).add(pool[name].model)
    for prompt in prompts if known else ():
        answered = {m.model for m in pool if known and known.find(question_of(m, prompt.text).key)}
        if answered:
            names.setdefault(prompt.prompt_id, set()).update(answered)
    return [
        (by_id[prompt_id], [model for model in pool if model.model in chosen])
        for prompt_id, chosen in names.items()
    ]
