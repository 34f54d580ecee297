"""What the journal keeps of one request: the decision, and what came of it.

A value that the request's handler makes and the journal, metrics, dashboard and export read.
"""

from __future__ import annotations

from msgspec import Struct

OK, ERROR, BROKEN, CANCELLED = "ok", "error", "broken", "cancelled"


class Attempt(Struct, frozen=True, kw_only=True):
    """One call of an endpoint.

    Attributes:
        model, endpoint: by their names in the pool.
        status: of HTTP; 0 where none came.
        reason: why it was of no use, "" where it was.
        latency_ms: until its first byte, or until it failed.
        sent: whether the endpoint may have worked on it, and so may bill it.
    """

    model: str
    endpoint: str
    status: int
    reason: str
    latency_ms: float
    sent: bool = True


class ModelEstimate(Struct, frozen=True, kw_only=True):
    """What was expected of one model; cost None where unknown, `filtered` why it was ruled out."""

    model: str
    quality: float
    quality_std: float
    cost_usd: float | None
    filtered: str | None = None


class Tokens(Struct, frozen=True, kw_only=True):
    """Tokens of a request, over all attempts that answered.

    Attributes:
        input, output: all of them.
        cached_input, cache_write: of the input, read from and written to the provider's cache.
        reasoning: of the output.
        estimated: whether no usage was reported, or not the last one, and they are counted from
            bytes.
    """

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False


class Record(Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        decision_id: 32 hexadecimal digits, in the order of time.
        time_s: seconds since 1970 when the request came.
        key: name of the gateway key, "" for none.
        api: "chat", "messages", "responses" or "embeddings".
        requested: the `model` of the request, 200 characters of it at most.
        policy: name of the policy, "" where a model was asked for by name.
        session: hash of the conversation, None for a single turn without a session header.
        task, task_probability: of the text; None and 0 where it belongs to none or nothing was
            routed.
        first_choice: the model decided for; model, endpoint: those that answered, "" for none.
        propensity: probability with which `first_choice` was chosen, given the text and what its
            request and policy ask for.
        explored, sticky, tier_down: whether chance, the conversation or a budget decided.
        estimates: of all models, in the order of the pool; () where nothing was routed.
        attempts: every call, in order.
        status: of HTTP, as the client got it.
        outcome: "ok", "error", "broken" (an answer that began and did not end) or "cancelled".
        error: why not ok, 1,000 characters at most; never with a key or a prompt in it.
        streamed: whether the answer went out in pieces.
        tokens: None where nothing was answered.
        cost_usd: of all of that, None where prices are unknown.
        best_usd: what the model with the best mean quality would have cost; baseline_usd: what the
            chosen baseline would have. None where unknown. Same tokens, its prices.
        routing_ms: until the decision; first_byte_ms, latency_ms: until the answer began and ended,
            None where it did not.
        prompt_id: hash of the routed text; prompt_bytes: its length; prompt: the text, None unless
            it is kept.
    """

    decision_id: str
    time_s: float
    api: str
    requested: str
    key: str = ""
    policy: str = ""
    session: str | None = None
    task: str | None = None
    task_probability: float = 0.0
    first_choice: str = ""
    model: str = ""
    endpoint: str = ""
    propensity: float = 1.0
    explored: bool = False
    sticky: bool = False
    tier_down: bool = False
    estimates: tuple[ModelEstimate, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    status: int = 200
    outcome: str = OK
    error: str = ""
    streamed: bool = False
    tokens: Tokens | None = None
    cost_usd: float | None = None
    best_usd: float | None = None
    baseline_usd: float | None = None
    routing_ms: float | None = None
    first_byte_ms: float | None = None
    latency_ms: float | None = None
    prompt_id: str = ""
    prompt_bytes: int = 0
    prompt: str | None = None


class Feedback(Struct, frozen=True, kw_only=True):
    """What somebody thought of an answer; the latest of a source counts.

    Attributes:
        decision_id: of the answer.
        score: in [0, 1]; thumbs are 0 and 1.
        time_s: seconds since 1970.
        source: who or what judged, such as "user" or a grader's name.
        note: anything.
        key: name of the gateway key that sent it.
    """

    decision_id: str
    score: float
    time_s: float
    source: str = "user"
    note: str = ""
    key: str = ""
