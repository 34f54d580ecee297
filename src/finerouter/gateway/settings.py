"""What gateway.toml may say, and what holds where it says nothing.

The classes are read by `settings_file.py`, which refuses keys that are not here. Units stand in the
names. Knows nothing of how any of it is done.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]

SCOPES = ("infer", "route", "feedback", "read", "admin")
AUTO = "auto"


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown key would otherwise be ignored in silence."""


class PolicyTable(_Table, frozen=True, kw_only=True):
    """Dials of one named policy, as in `finerouter.policy.Policy`; asked for as `auto:NAME`."""

    cost_weight: NotNegative = 0.0
    min_quality: Share | None = None
    max_cost_usd: NotNegative | None = None
    risk_aversion: NotNegative = 0.0
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Timeouts(_Table, frozen=True, kw_only=True):
    """How long is waited.

    Attributes:
        connect_s: until connected to an endpoint.
        first_byte_s: until an answer begins, None for as long as the endpoint's own says.
        between_chunks_s: between its pieces.
        encode_s: for the router's encoder, where that is a model of its own or an endpoint; then
            the prompt is routed unread, by the models' averages.
    """

    connect_s: Positive = 10.0
    first_byte_s: Positive | None = None
    between_chunks_s: Positive = 120.0
    encode_s: Positive = 5.0


class Retries(_Table, frozen=True, kw_only=True):
    """What is tried again before the first byte has gone out.

    Attributes:
        max_attempts: in all, over endpoints and models, the first included; as many as four models
            at two endpoints each.
        first_wait_s: before the same endpoint is asked again; doubled each time, jittered.
        longest_wait_s: whoever asks for a longer pause is left for the next endpoint or model.
        budget: third and later calls per request, in the long run, because of endpoints in
            trouble. Where all of them are, it keeps the gateway from making things worse.
    """

    max_attempts: Count = 8
    first_wait_s: NotNegative = 0.2
    longest_wait_s: NotNegative = 2.0
    budget: NotNegative = 0.5


class Breaker(_Table, frozen=True, kw_only=True):
    """When an endpoint is left alone.

    Attributes:
        failures: in a row, after which it is left alone.
        cooldown_s: for how long; then one call tries it. Doubled while it fails, up to
            `longest_cooldown_s`.
        health_interval_s: how often endpoints that are left alone are asked for their models,
            which ends the cool-down early; 0 for never.
    """

    failures: Count = 5
    cooldown_s: Positive = 10.0
    longest_cooldown_s: Positive = 300.0
    health_interval_s: NotNegative = 5.0


class Limits(_Table, frozen=True, kw_only=True):
    """What the gateway takes on.

    Attributes:
        max_concurrent: requests under way in all; one more gets 429.
        max_wait_s: for a free slot of an endpoint before the next one is tried.
        max_body_bytes: of a request.
        body_timeout_s: until the whole request is in.
        write_timeout_s: a client that takes nothing of its answer for so long is let go.
        max_answer_bytes: of an answer that is not streamed.
        drain_s: at shutdown, until streams that still run are cut.
    """

    max_concurrent: Count = 2_000
    max_wait_s: NotNegative = 1.0
    max_body_bytes: Count = 32 * 1024 * 1024
    body_timeout_s: Positive = 30.0
    write_timeout_s: Positive = 60.0
    max_answer_bytes: Count = 64 * 1024 * 1024
    drain_s: NotNegative = 30.0


class BudgetTable(_Table, frozen=True, kw_only=True):
    """Most USD in the running hour, day and month (UTC), None for any amount.

    Attributes:
        tier_down_at: share of any of these from which the cheapest fitting model is taken; None
            for never. What is spent is spent: at the whole of it requests are refused.
    """

    hour_usd: NotNegative | None = None
    day_usd: NotNegative | None = None
    month_usd: NotNegative | None = None
    tier_down_at: Share | None = None


class KeyTable(_Table, frozen=True, kw_only=True):
    """One gateway key; `finerouter serve --new-key NAME` makes one.

    Attributes:
        name: in the journal, metrics and logs.
        sha256: of the key; the key itself stands nowhere.
        scopes: of "infer", "route", "feedback", "read" (dashboard, metrics, journal), "admin".
        allow: models it may use, None for all; deny: models it may not.
        policy: for `auto`, None for the gateway's default.
        requests_per_minute: None for any number.
        budget: its own.
    """

    name: Name
    sha256: Sha256
    scopes: tuple[str, ...] = ("infer", "route", "feedback")
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    policy: Name | None = None
    requests_per_minute: Positive | None = None
    budget: BudgetTable = field(default_factory=BudgetTable)


class TextTable(_Table, frozen=True, kw_only=True):
    """Which text of a request is routed.

    Attributes:
        max_turns: the last so many user turns are looked at, newest first.
        enough_chars: older turns are added while there are fewer characters than this.
        max_chars: and never more than this; the middle of a longer turn is left out.
        system_chars: of the system prompt put before it. Zero by default: on our data a system
            prompt changes more decisions than the question does.
        drop_tags: elements such as `<system-reminder>...</system-reminder>` that are left out.
    """

    max_turns: Count = 3
    enough_chars: Annotated[int, Meta(ge=0)] = 60
    max_chars: Count = 16_000
    system_chars: Annotated[int, Meta(ge=0)] = 0
    drop_tags: tuple[Name, ...] = ("system-reminder", "environment_context", "env")


class StickyTable(_Table, frozen=True, kw_only=True):
    """When a conversation stays on its model.

    Attributes:
        margin: quality (0 to 1) that another model has to be better by, beside the prompt cache
            that a switch loses.
        keep_s: for which a conversation is remembered after its last turn; 0 turns it off.
        most: conversations remembered in memory.
    """

    margin: Share = 0.03
    keep_s: NotNegative = 3_600.0
    most: Count = 100_000


class JournalTable(_Table, frozen=True, kw_only=True):
    """Where decisions are written.

    Attributes:
        path: of the SQLite file, from the folder of gateway.toml.
        postgres_env: environment variable that holds the address of a PostgreSQL database, which
            is used in place of `path`; several gateways may share it.
        prompts: whether the routed text is kept.
        keep_days: older rows are deleted; None keeps all.
    """

    path: str = "journal.sqlite"
    postgres_env: Annotated[str, Meta(pattern="^[A-Z_][A-Z0-9_]*$")] | None = None
    prompts: bool = False
    keep_days: Positive | None = None


class TelemetryTable(_Table, frozen=True, kw_only=True):
    """Traces by OpenTelemetry.

    Attributes:
        otlp_endpoint: such as `http://127.0.0.1:4318`; None for no traces.
        service_name: in them.
        sample: share of requests traced.
    """

    otlp_endpoint: str | None = None
    service_name: str = "finerouter"
    sample: Share = 1.0


class GatewaySettings(_Table, frozen=True, kw_only=True):
    """All of gateway.toml.

    Attributes:
        pool: pool file with endpoints, from the folder of gateway.toml.
        host, port: where to listen; anything but loopback wants keys.
        hosts: names by which requests without a key may call the gateway, beside those of this
            machine and `host`.
        default_policy: name of the policy of `auto`.
        policies: by name; `best` (quality alone) is always there.
        baseline: model against which saving is counted, beside always-best.
        explore: share of routed requests that go to a random fitting model, so that the journal
            can teach the next router what the present one would never try.
        explain_headers: whether answers carry `x-finerouter-*` headers.
        allow_unkeyed: whether requests without a key are served although keys are set.
    """

    pool: str = "pool.toml"
    host: str = "127.0.0.1"
    port: Port = 8080
    hosts: tuple[str, ...] = ()
    default_policy: Name = "best"
    policies: dict[Name, PolicyTable] = field(default_factory=dict)
    baseline: str | None = None
    explore: Share = 0.0
    explain_headers: bool = True
    allow_unkeyed: bool = False
    log_level: str = "info"
    keys: tuple[KeyTable, ...] = ()
    budget: BudgetTable = field(default_factory=BudgetTable)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)
    breaker: Breaker = field(default_factory=Breaker)
    limits: Limits = field(default_factory=Limits)
    text: TextTable = field(default_factory=TextTable)
    sticky: StickyTable = field(default_factory=StickyTable)
    journal: JournalTable = field(default_factory=JournalTable)
    telemetry: TelemetryTable = field(default_factory=TelemetryTable)
