"""Who comes in: keys, scopes, rates, and what web pages may not do."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.errors import ConfigError
from finerouter.gateway.access import Access, Caller, Refused, new_key
from finerouter.gateway.access.browsers import is_loopback
from finerouter.gateway.access.checking import check_bind, check_settings
from finerouter.gateway.access.rates import TokenBucket
from finerouter.gateway.settings import (
    SCOPES,
    BudgetTable,
    GatewaySettings,
    KeyTable,
    PolicyTable,
    TelemetryTable,
)
from finerouter.policy import Policy

TEAM = new_key("team")
OTHER = new_key("other")
MODELS = ("small", "large")
POLICIES = ("best", "cheap")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def table(**fields: object) -> KeyTable:
    return msgspec.convert({"name": "team", "sha256": TEAM.sha256, **fields}, KeyTable)


def access(clock: Callable[[], float] | None = None, **fields: object) -> Access:
    return Access(GatewaySettings(keys=(table(**fields),)), clock=clock or Clock())


def bearer(key: str = TEAM.key) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "host": "gateway.example.com"}


def refused(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_a_new_key_is_long_random_and_kept_as_its_hash() -> None:
    assert re.fullmatch(r"fr-[A-Za-z0-9_-]{40}", TEAM.key)
    assert new_key("team").key != TEAM.key
    assert hashlib.sha256(TEAM.key.encode()).hexdigest() == TEAM.sha256
    settings = msgspec.convert(tomllib.loads(TEAM.toml), GatewaySettings)
    assert Access(settings).caller(bearer()).name == "team"
    assert TEAM.key not in TEAM.toml


@pytest.mark.parametrize("name", ["", "two words", 'x"\nscopes = ["admin"]', "ä", "x" * 65])
def test_a_key_takes_no_name_that_the_file_could_not_hold(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be named"):
        new_key(name)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TEAM.key}"},
        {"authorization": f"bearer  {TEAM.key} "},
        {"x-api-key": TEAM.key},
        {"x-api-key": TEAM.key, "authorization": "Bearer sk-something-else"},
    ],
)
def test_both_headers_carry_a_key(headers: dict[str, str]) -> None:
    assert access().caller(headers).name == "team"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "missing"),
        ({"authorization": "Bearer sk-abc"}, "missing"),
        ({"authorization": f"Basic {TEAM.key}"}, "missing"),
        ({"authorization": f"Bearer {OTHER.key}"}, "not known"),
        ({"authorization": f"Bearer {TEAM.key[:-1]}"}, "not known"),
        ({"authorization": f"Bearer {TEAM.sha256}"}, "missing"),
        ({"x-api-key": f"fr-{TEAM.sha256}"}, "not known"),
        ({"x-api-key": "fr-" + "\xff" * 40}, "not known"),
        ({"x-api-key": "fr-\ud800"}, "not known"),
    ],
)
def test_without_a_known_key_nobody_comes_in(headers: dict[str, str], words: str) -> None:
    error = refused(lambda: access().caller(headers))
    assert (error.status, error.kind) == (401, "authentication_error")
    assert words in error.message
    assert not any(value and value in error.message for value in headers.values())


@pytest.mark.parametrize("held", SCOPES)
@pytest.mark.parametrize("wanted", SCOPES)
def test_no_scope_implies_another(held: str, wanted: str) -> None:
    door = access(scopes=(held,))
    if held == wanted:
        assert door.caller(bearer(), wanted).scopes == {held}
    else:
        error = refused(lambda: door.caller(bearer(), wanted))
        assert (error.status, error.kind) == (403, "permission_error")
        assert wanted in error.message


def test_a_key_without_scopes_said_asks_but_does_not_administer() -> None:
    caller = access().caller(bearer())
    assert caller.scopes == {"infer", "route", "feedback"}


def test_allow_and_deny_narrow_models_and_policies() -> None:
    caller = access(allow=("a", "b"), deny=("b",)).caller(bearer())
    assert [caller.may_use(name) for name in "abc"] == [True, False, False]
    assert refused(lambda: caller.check_model("c")).status == 403
    caller.check_model("a")
    narrowed = caller.narrowed(Policy(allow=frozenset("bc"), deny=frozenset("d")))
    assert narrowed.allow == {"b"}
    assert narrowed.deny == {"b", "d"}
    assert caller.narrowed(Policy()).allow == {"a", "b"}
    everything = Caller("", frozenset(SCOPES))
    policy = Policy(cost_weight=2.0)
    assert everything.narrowed(policy) is policy


def test_a_rate_is_held_and_says_when_to_come_back() -> None:
    clock = Clock()
    door = access(clock, requests_per_minute=3)
    for _ in range(3):
        door.caller(bearer())
    error = refused(lambda: door.caller(bearer()))
    assert (error.status, error.kind) == (429, "rate_limit_error")
    assert error.retry_after_s == pytest.approx(20.0)
    clock.seconds = 20.0
    door.caller(bearer())
    assert refused(lambda: door.caller(bearer())).status == 429


def test_what_is_refused_for_its_scope_does_not_count() -> None:
    door = access(requests_per_minute=1)
    assert refused(lambda: door.caller(bearer(), "admin")).status == 403
    door.caller(bearer())


def test_a_reload_gives_nobody_a_fresh_minute() -> None:
    old = access(requests_per_minute=1)
    old.caller(bearer())
    same = old.replaced(GatewaySettings(keys=(table(requests_per_minute=1),)))
    assert refused(lambda: same.caller(bearer())).status == 429
    faster = old.replaced(GatewaySettings(keys=(table(requests_per_minute=5),)))
    faster.caller(bearer())


@given(
    rate=st.floats(0.5, 1e4),
    pauses=st.lists(st.floats(0.0, 90.0), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_the_rate_and_a_minute_saved_up(
    rate: float, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock)
    given_out = 0
    for pause in pauses:
        clock.seconds += pause
        wait_s = bucket.take()
        given_out += not wait_s
        assert wait_s <= 60.0 / rate + 1e-6
    assert given_out <= max(1.0, rate) + clock.seconds * rate / 60.0 + 1e-6


def test_a_long_silence_saves_up_a_minutes_worth_and_no_more() -> None:
    clock = Clock()
    bucket = TokenBucket(7.0, clock)
    clock.seconds = 1e6
    assert sum(not bucket.take() for _ in range(100)) == 7


def test_waiting_as_long_as_was_said_is_enough() -> None:
    clock = Clock()
    bucket = TokenBucket(7.0, clock)
    while not (wait_s := bucket.take()):
        clock.seconds += 0.1
    clock.seconds += wait_s + 1e-9
    assert bucket.take() == 0.0


def test_without_keys_everybody_on_the_machine_may_do_everything() -> None:
    caller = Access(GatewaySettings()).caller({"host": "localhost:8080"}, "admin")
    assert caller == Caller("", frozenset(SCOPES))


def test_unkeyed_requests_beside_keys_may_ask_and_see_nothing() -> None:
    door = Access(GatewaySettings(keys=(table(),), allow_unkeyed=True))
    assert door.caller({"authorization": "Bearer sk-placeholder"}).name == ""
    assert refused(lambda: door.caller({}, "read")).status == 403
    assert refused(lambda: door.caller({}, "admin")).status == 403
    # Who sends a key means it: a wrong one is not waved through.
    assert refused(lambda: door.caller(bearer(OTHER.key))).status == 401


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8080",
        "LOCALHOST",
        "app.localhost:80",
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::1]",
        "192.168.1.5:8080",
        "localhost.",
        "gateway.example.com:8080",
        "",
        "my-host:1",
    ],
)
def test_a_host_that_is_this_machine_is_served(host: str) -> None:
    settings = GatewaySettings(host="my-host", hosts=("Gateway.example.com",))
    door = Access(settings)
    for _ in range(2):
        door.caller({"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil@localhost",
        "notlocalhost",
        "0x7f.1.evil",
        "localhost@evil.example:80",
    ],
)
@pytest.mark.parametrize("changes", [True, False])
def test_a_page_whose_name_leads_here_is_refused(host: str, changes: bool) -> None:
    door = Access(GatewaySettings())
    # A bearer means nothing where no keys are set, and does not get round the check.
    for headers in ({"host": host}, {"host": host, "authorization": f"Bearer {TEAM.key}"}):
        error = refused(lambda headers=headers: door.caller(headers, changes=changes))
        assert error.status == 403
        assert "hosts" in error.message


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://[::1"},
        {"origin": "file://localhost:8080"},
        {"origin": "http://localhost:8080", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_foreign_page_may_look_but_not_act(headers: dict[str, str]) -> None:
    door = Access(GatewaySettings())
    headers = {"host": "localhost:8080", **headers}
    assert refused(lambda: door.caller(headers)).status == 403
    door.caller(headers, "read", changes=False)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8080"},
        {"origin": "http://LOCALHOST:8080", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_the_gateways_own_pages_may_act(headers: dict[str, str]) -> None:
    Access(GatewaySettings()).caller({"host": "localhost:8080", **headers})


def test_who_sends_a_key_may_come_from_any_page() -> None:
    headers = {**bearer(), "origin": "https://app.example", "sec-fetch-site": "cross-site"}
    assert access().caller(headers).name == "team"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_only_loopback_goes_without_keys(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    if loopback:
        check_bind(GatewaySettings(host=host))
    else:
        with pytest.raises(ConfigError, match="--new-key"):
            check_bind(GatewaySettings(host=host))
    check_bind(GatewaySettings(host=host, keys=(table(),)))


def test_settings_that_fit_are_taken() -> None:
    settings = GatewaySettings(
        host="0.0.0.0",
        default_policy="cheap",
        policies={"cheap": PolicyTable(cost_weight=1.0, allow=MODELS)},
        keys=(
            table(policy="cheap", allow=("small",), budget={"day_usd": 1, "tier_down_at": 0.8}),
            KeyTable(name="other", sha256=OTHER.sha256, deny=("large",)),
        ),
    )
    check_settings(settings, MODELS, POLICIES)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (GatewaySettings(host="0.0.0.0"), "--new-key"),
        (GatewaySettings(log_level="loud"), "log_level"),
        (GatewaySettings(default_policy="fast"), r"add \[policies.fast\]"),
        (GatewaySettings(keys=(table(scopes=("root",)),)), r"number 1 \(team\): .*'root'.*admin"),
        (GatewaySettings(keys=(table(scopes=()),)), "opens nothing"),
        (GatewaySettings(keys=(table(policy="fast"),)), r"team\): policy: there is no .*'fast'"),
        (GatewaySettings(keys=(table(allow=("huge",)),)), "'huge' is not in the pool; .*small"),
        (GatewaySettings(keys=(table(deny=("huge",)),)), "'huge' is not in the pool"),
        (GatewaySettings(keys=(table(deny=MODELS),)), "leave it no model"),
        (GatewaySettings(keys=(table(allow=("small",), deny=("small",)),)), "leave it no model"),
        (GatewaySettings(keys=(table(), table())), "number 2.*number 1.*that name too"),
        (GatewaySettings(keys=(table(), table(name="b"))), "number 2.*sha256 is that of.*number 1"),
        (GatewaySettings(budget=BudgetTable(tier_down_at=0.5)), "share of nothing"),
        (
            GatewaySettings(telemetry=TelemetryTable(otlp_endpoint="127.0.0.1:4318")),
            r"\[telemetry\]: .*http://127.0.0.1:4318",
        ),
        (
            GatewaySettings(policies={"cheap": PolicyTable(deny=("huge",))}),
            r"\[policies.cheap\]: model 'huge'",
        ),
    ],
)
def test_settings_that_would_fail_later_are_refused(settings: GatewaySettings, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_settings(settings, MODELS, POLICIES)


def test_a_budget_wants_prices() -> None:
    for settings in (
        GatewaySettings(budget=BudgetTable(day_usd=1.0)),
        GatewaySettings(keys=(table(budget={"month_usd": 1}),)),
    ):
        with pytest.raises(ConfigError, match=r"budget.*'small' has no price; .*0 if it costs"):
            check_settings(settings, MODELS, POLICIES, unpriced=("small",))
    check_settings(GatewaySettings(), MODELS, POLICIES, unpriced=("small",))
