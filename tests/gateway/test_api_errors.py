"""Errors in each API's words; the client libraries read them in translating/test_sdks.py."""

from __future__ import annotations

import json

import pytest
from openai.types.responses import ResponseErrorEvent

from finerouter.gateway.api_errors import error_body, error_event, error_kind
from finerouter.gateway.sse import EventReader


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_every_status_has_a_kind(status: int, kind: str) -> None:
    assert error_kind(status) == kind
    body = json.loads(error_body("messages", status, "why"))
    assert body == {"type": "error", "error": {"type": kind, "message": "why"}}


@pytest.mark.parametrize("api", ["chat", "responses", "embeddings"])
def test_openais_form(api: str) -> None:
    assert json.loads(error_body(api, 401, "no key")) == {
        "error": {
            "message": "no key",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
    }


def test_a_kind_of_our_own_is_a_code_where_there_are_codes() -> None:
    assert json.loads(error_body("chat", 429, "spent", "budget_spent"))["error"] == {
        "message": "spent",
        "type": "rate_limit_error",
        "param": None,
        "code": "budget_spent",
    }
    body = json.loads(error_body("messages", 429, "spent", "budget_spent"))
    assert body["error"]["type"] == "rate_limit_error"


def test_events_have_the_names_that_each_api_gives_them() -> None:
    events = {}
    for api in ("chat", "messages", "responses"):
        [events[api]] = EventReader().feed(error_event(api, "why", sequence_number=4))
    assert [event.event for event in events.values()] == ["", "error", "error"]
    said = json.loads(events["responses"].data)
    assert ResponseErrorEvent.model_validate(said, strict=True).sequence_number == 4
    assert json.loads(events["chat"].data)["error"]["message"] == "why"
    assert json.loads(events["messages"].data)["error"] == {"type": "api_error", "message": "why"}
