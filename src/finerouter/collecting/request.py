"""A question to a model as a request: what is sent, where, and what it could cost at most.

Takes a model of the pool and a prompt; gives a `Request` with the key under which its answer is
kept. Sends nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from finerouter.asking import Asking, Endpoint
from finerouter.collecting.journal import Question
from finerouter.collecting.spending import most_usd
from finerouter.errors import PoolError
from finerouter.pool import Model
from finerouter.prompt import prompt_id
from finerouter.upstream.apis import APIS, request_body
from finerouter.upstream.client import encoded


@dataclass(frozen=True)
class Request:
    """One question, ready to be sent."""

    model: Model
    path: str
    content: bytes
    question: Question


def asking_of(model: Model) -> Asking:
    """How a model is asked.

    Raises:
        PoolError: nobody said.
    """
    if model.asking is None:
        raise PoolError(
            f"model {model.model!r} has no endpoint; give it `endpoint = NAME` in pool.toml, and "
            "an [endpoints.NAME] with its base_url"
        )
    return model.asking


def check_askable(models: Iterable[Model], *, budget_usd: float | None) -> None:
    """See, before anything is spent, that these models can be asked within a budget.

    Raises:
        PoolError: one has no endpoint; two endpoints have one name; or there is a budget, and what
            a model's calls could cost is unknown.
    """
    named: dict[str, Endpoint] = {}
    for model in models:
        endpoint = asking_of(model).endpoint
        if named.setdefault(endpoint.name, endpoint) != endpoint:
            raise PoolError(
                f"two different endpoints are called {endpoint.name!r}; give each its own name"
            )
        if budget_usd is None:
            continue
        if not model.priced:
            raise PoolError(
                f"model {model.model!r} has no price, so --budget cannot be kept; give "
                "input_usd_per_mtok and output_usd_per_mtok (0 if it costs nothing)"
            )
        if question_of(model, "").most_usd is None:
            raise PoolError(
                f"model {model.model!r} may answer at any length, so --budget cannot be kept; give "
                "max_tokens under its parameters, or its context_window"
            )


def question_of(model: Model, prompt: str) -> Question:
    """What asking this model a prompt is in the journal.

    Raises:
        PoolError: nobody said how the model is asked.
    """
    return request_of(model, prompt).question


def request_of(model: Model, prompt: str) -> Request:
    """The request that asks this model a prompt.

    Raises:
        PoolError: nobody said how the model is asked.
    """
    asking = asking_of(model)
    body = request_body(asking, prompt)
    content = encoded(body)
    question = Question(
        key=_key(asking, prompt),
        model=model.model,
        prompt_id=prompt_id(prompt),
        prompt_bytes=len(content),
        most_usd=most_usd(model, body, len(content)),
    )
    return Request(model, APIS[asking.endpoint.api].path, content, question)


def _key(asking: Asking, prompt: str) -> str:
    """The same for the same model, parameters and prompt.

    The endpoint counts by its name: a local server that comes up at another port is the same one.
    """
    parts = [
        asking.endpoint.name,
        asking.endpoint.api,
        asking.upstream_model,
        asking.parameters.to_json(),
        prompt,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("ascii")).hexdigest()
