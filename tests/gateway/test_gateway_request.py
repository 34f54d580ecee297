"""A request's body: what is forwarded is what came."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.errors import DataError
from finerouter.gateway.request import parse

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
own_names = ("model", "stream", "finerouter")


@given(st.dictionaries(st.text(max_size=6).filter(lambda name: name not in own_names), json_values))
def test_every_field_survives_but_the_model(fields: dict) -> None:
    body = json.dumps({"model": "auto", **fields}).encode()
    forwarded = json.loads(parse("chat", body).forwarded("small"))
    assert forwarded == {"model": "small", **fields}


def test_values_are_forwarded_letter_by_letter() -> None:
    seed = b"123456789012345678901234567890"
    body = b'{"model": "auto", "temperature": 1.0e0, "seed": %b, "x": [ 1 ]}' % seed
    forwarded = parse("chat", body).forwarded("small")
    assert b"1.0e0" in forwarded
    assert seed in forwarded
    assert b"[ 1 ]" in forwarded


def test_the_gateways_own_field_goes_no_further() -> None:
    request = parse("chat", b'{"model": "auto", "finerouter": {"cost_weight": 5}, "messages": []}')
    assert request.own == {"cost_weight": 5}
    assert "finerouter" not in request.fields
    assert json.loads(request.forwarded("small")) == {"model": "small", "messages": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"model": "auto"', "not a JSON object"),
        (b'{"model": "\xff"}', "not a JSON object"),
        (b"{}", "`model`"),
        (b'{"model": 3}', "`model`"),
        (b'{"model": ""}', "`model`"),
        (b'{"model": "auto", "stream": "yes"}', "`stream`"),
        (b'{"model": "auto", "finerouter": 3}', "`finerouter`"),
        (b'{"model": "auto", "messages": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse("chat", body)


def test_embeddings_are_never_streamed() -> None:
    assert not parse("embeddings", b'{"model": "e", "input": "x", "stream": true}').stream


def test_half_a_surrogate_pair_survives() -> None:
    body = b'{"model": "auto", "messages": [{"role": "user", "content": "cut \\ud83d"}]}'
    request = parse("chat", body)
    assert request.turns[0].text == "cut \ud83d"
    assert b"\\ud83d" in request.forwarded("small")
    with pytest.raises(DataError):
        parse("chat", b'{"model": "\\ud83d", "x": NaN}')
