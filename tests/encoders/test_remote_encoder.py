"""Embeddings over HTTP, against a server on the loopback interface."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from finerouter.encoders import RemoteEncoder
from finerouter.errors import ConfigError, EncoderError, EndpointError
from finerouter.upstream import Patience
from tests.loopback import DIM, LoopbackUpstream, Reply, embedding


def unit(vector: list[float]) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


@pytest.fixture
def connect(server: LoopbackUpstream):
    made: list[RemoteEncoder] = []

    def build(**options) -> RemoteEncoder:
        defaults = {"api_key_env": None, "patience": Patience(max_retries=2, first_wait_s=0)}
        made.append(RemoteEncoder(server.url, "tiny", **(defaults | options)))
        return made[-1]

    yield build
    for encoder in made:
        encoder.close()


def answer(vectors: list[object]) -> Reply:
    data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return Reply(body=json.dumps({"data": data}))


def test_rows_come_in_the_order_of_the_texts(connect, server: LoopbackUpstream) -> None:
    texts = [f"text {number}" for number in range(7)]
    rows = connect(batch_size=3).encode(texts)
    np.testing.assert_allclose(rows, [unit(embedding(text)) for text in texts], atol=1e-6)
    assert [len(request.body["input"]) for request in server.requests] == [3, 3, 1]
    assert {request.path for request in server.requests} == {"/v1/embeddings"}
    assert {request.body["model"] for request in server.requests} == {"tiny"}


def test_long_texts_are_averaged_not_cut(connect, server: LoopbackUpstream) -> None:
    text = "one two three four five six seven"
    row = connect(max_chars=12).encode([text])[0]
    chunks = [chunk for request in server.requests for chunk in request.body["input"]]
    assert "".join(chunks) == text
    assert len(chunks) > 2
    expected = sum(len(chunk) * unit(embedding(chunk)) for chunk in chunks)
    np.testing.assert_allclose(row, expected / np.linalg.norm(expected), atol=1e-6)


def test_blank_texts_are_not_sent(connect, server: LoopbackUpstream) -> None:
    assert not connect(dim=DIM).encode(["", " \n"]).any()
    assert server.requests == []


def test_the_dimension_is_asked_once(connect, server: LoopbackUpstream) -> None:
    encoder = connect()
    assert encoder.spec.dim == DIM
    assert encoder.encode([]).shape == (0, DIM)
    assert len(server.requests) == 1


def test_identity_is_the_model_not_the_place(connect) -> None:
    here = connect(dim=DIM).spec
    there = RemoteEncoder("http://elsewhere.example/v1", "tiny", dim=DIM).spec
    assert here.sha256 == there.sha256
    assert here.sha256 != connect(dim=DIM + 1).spec.sha256


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (answer([[1.0] * DIM]), "asked for 2 embeddings"),
        (answer([[1.0] * DIM] * 3), "asked for 2 embeddings"),
        (answer([[1.0] * 3] * 2), "rows of 3 numbers, expected 8"),
        (answer([[1.0] * DIM, [1.0] * 3]), "no list of embeddings"),
        (answer([[1.0] * DIM, ["x"] * DIM]), "no list of embeddings"),
        (answer([[1.0] * DIM, [float("nan")] * DIM]), "NaN"),
        (answer([1.0, 2.0]), "asked for 2 embeddings"),
        (Reply(body='{"data": 3}'), "no list of embeddings"),
        (Reply(body='{"error": "x"}'), "no list of embeddings"),
        (Reply(body="<html>hello</html>"), "not a JSON object"),
    ],
)
def test_answers_that_do_not_fit(connect, server, reply: Reply, complaint: str) -> None:
    server.replies = [reply] * 3
    with pytest.raises(EndpointError, match=complaint):
        connect(dim=DIM).encode(["a", "b"])


def test_it_tries_again(connect, server: LoopbackUpstream) -> None:
    server.replies = [Reply(500), Reply(429, headers={"Retry-After": "0.01"})]
    assert connect().encode(["a"]).any()
    assert len(server.requests) == 3


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(EncoderError, match=r"pip install 'finerouter\[remote\]'"):
        RemoteEncoder("http://127.0.0.1/v1", "tiny")


@pytest.mark.parametrize("sizes", [{"batch_size": 0}, {"max_chars": 0}])
def test_sizes_must_be_positive(sizes: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="batch_size must be 1 or more"):
        RemoteEncoder("http://127.0.0.1/v1", "tiny", **sizes)
