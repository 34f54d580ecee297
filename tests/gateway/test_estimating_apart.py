"""An encoder that is an endpoint holds up nobody, and one that is away fails no request."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.encoders import RemoteEncoder
from finerouter.errors import DataError
from finerouter.gateway.estimating_apart import EstimatorApart
from finerouter.policy import Estimate
from finerouter.training import train
from tests import synthetic
from tests.gateway.running import Gateway, pool_toml, running
from tests.loopback import Call, Fault, LoopbackUpstream, serving

WAIT_S = 0.2
WORD = "forbidden"


@pytest.fixture(scope="module")
def embeddings() -> Iterator[LoopbackUpstream]:
    """The endpoint of the encoder."""
    with pytest.MonkeyPatch.context() as patch, serving() as started:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield started


@pytest.fixture(scope="module")
def far_folder(
    embeddings: LoopbackUpstream, fit: OutcomeTable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A router that was trained with it."""
    encoder = RemoteEncoder(embeddings.url, "tiny", api_key_env=None)
    folder = tmp_path_factory.mktemp("far") / "router"
    train(fit, synthetic.QUICK, encoder=encoder).save(folder)
    encoder.close()
    return folder


@pytest.fixture
def encoder(embeddings: LoopbackUpstream) -> Iterator[LoopbackUpstream]:
    """The endpoint, well behaved again after the test."""
    embeddings.requests.clear()
    yield embeddings
    embeddings.delay_s, embeddings.misbehave = 0.0, lambda _: None


@pytest.fixture
def far(far_folder: Path, encoder: LoopbackUpstream) -> Router:
    assert encoder.url in (far_folder / "manifest.json").read_text("utf-8")
    return Router.load(far_folder, allow_remote=True)


@pytest.fixture
def far_gateway(
    tmp_path: Path, far_folder: Path, server: LoopbackUpstream, encoder: LoopbackUpstream
) -> Iterator[Gateway]:
    """A gateway with that router, which waits for its encoder for `WAIT_S`."""
    config = f"timeouts.encode_s = {WAIT_S}"
    assert encoder.port != server.port
    with running(tmp_path, far_folder, pool_toml(server), config, allow_remote=True) as started:
        yield started


def estimates(estimator: EstimatorApart, texts: list[str]) -> list[Estimate | BaseException]:
    async def together() -> list[Estimate | BaseException]:
        waiting = map(estimator.estimate, texts)
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(together())


def unread(gateway: Gateway) -> float:
    name = "finerouter_prompts_unread_total "
    lines = gateway.get("/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))


def test_those_who_come_together_are_read_together(far: Router, encoder: LoopbackUpstream) -> None:
    texts = [f"What is {number} plus {number * 7}?" for number in range(70)]
    found = estimates(EstimatorApart(far, 10.0), texts)
    assert len(encoder.requests) == 3
    for text, estimate in zip(texts, found, strict=True):
        assert isinstance(estimate, Estimate)
        np.testing.assert_allclose(estimate.quality, far.estimate([text]).quality, atol=1e-6)


def test_no_more_than_four_batches_are_under_way(far: Router, encoder: LoopbackUpstream) -> None:
    encoder.delay_s, encoder.most_under_way = 0.05, 0

    async def one_after_the_other() -> int:
        estimator = EstimatorApart(far, 10.0)
        waiting = []
        for number in range(30):
            waiting.append(asyncio.ensure_future(estimator.estimate(f"Number {number}")))
            # Each would be a batch of its own.
            await asyncio.sleep(0.001)
        await asyncio.gather(*waiting)
        return estimator.unread

    assert asyncio.run(one_after_the_other()) == 0
    assert 1 < encoder.most_under_way <= 4
    assert len(encoder.requests) < 30


def test_who_is_late_is_not_waited_for_and_left_alone_then(
    far: Router, encoder: LoopbackUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    encoder.delay_s = 1.0
    estimator = EstimatorApart(far, 0.05, left_alone_s=60.0)
    with caplog.at_level(logging.WARNING):
        found = estimates(estimator, ["Hello"]) + estimates(estimator, ["Hello", "Goodbye"])
    expected = far.estimate_unread(["Hello"])
    for estimate in found:
        assert isinstance(estimate, Estimate)
        np.testing.assert_array_equal(estimate.quality, expected.quality)
    assert estimator.unread == 3
    assert len(encoder.requests) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the router's encoder fails: no answer in 0.05 s (timeouts.encode_s); for 60 s prompts are "
        "routed by the models' averages"
    ]


def test_after_a_while_it_is_asked_again(far: Router, encoder: LoopbackUpstream) -> None:
    encoder.faults = [Fault.status(401)]
    estimator = EstimatorApart(far, 10.0, left_alone_s=0.0)
    first, second = estimates(estimator, ["Hello"]) + estimates(estimator, ["Hello"])
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    assert estimator.unread == 1
    np.testing.assert_allclose(second.quality, far.estimate(["Hello"]).quality, atol=1e-6)


def test_a_text_that_it_does_not_take_goes_unread_alone(
    far: Router, encoder: LoopbackUpstream
) -> None:
    def refuses(call: Call) -> Fault | None:
        return Fault.status(400) if WORD in str(call.body.get("input")) else None

    encoder.misbehave = refuses
    estimator = EstimatorApart(far, 10.0)
    found = estimates(estimator, ["Hello", f"A {WORD} word", "Goodbye"])
    assert all(isinstance(estimate, Estimate) for estimate in found)
    assert estimator.unread == 1
    asked = len(encoder.requests)
    estimates(estimator, ["Hello again"])
    assert len(encoder.requests) == asked + 1


def test_an_empty_text_is_the_callers_fault(far: Router) -> None:
    estimator = EstimatorApart(far, 10.0)
    first, second = estimates(estimator, ["Hello", " "])
    assert isinstance(first, Estimate)
    assert isinstance(second, DataError)
    assert estimator.unread == 0


def test_a_request_that_is_left_costs_the_others_nothing(far: Router) -> None:
    async def one_leaves() -> int:
        estimator = EstimatorApart(far, 10.0)
        leaving = asyncio.ensure_future(estimator.estimate("Goodbye"))
        staying = asyncio.ensure_future(estimator.estimate("Hello"))
        await asyncio.sleep(0)
        leaving.cancel()
        return len(await staying)

    assert asyncio.run(one_leaves()) == 1


def test_a_gateway_routes_by_it(far_gateway: Gateway, far: Router) -> None:
    prompt = "What is 47 plus 15 times 88? Calculate the number step by step."
    answer = far_gateway.chat(prompt)
    assert answer.status == 200
    assert answer.headers["x-finerouter-model"] == far.route(prompt).model
    assert unread(far_gateway) == 0


def test_while_it_reads_others_are_served(
    far_folder: Path, tmp_path: Path, server: LoopbackUpstream, encoder: LoopbackUpstream
) -> None:
    encoder.delay_s = 1.0
    with running(tmp_path, far_folder, pool_toml(server), allow_remote=True) as gateway:
        waiting = threading.Thread(target=gateway.chat, args=("Hello",))
        waiting.start()
        while not encoder.under_way:
            waiting.join(0.001)
        assert gateway.get("/healthz").status == 200
        assert encoder.under_way == 1
        waiting.join()


def test_a_gateway_answers_without_it(far_gateway: Gateway, encoder: LoopbackUpstream) -> None:
    encoder.delay_s = 3.0
    answers = [far_gateway.chat("Hello") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert unread(far_gateway) == 3
    assert len(encoder.requests) == 1
    assert {record.task for record in far_gateway.records()} == {None}


def test_a_start_asks_it_nothing(
    far_folder: Path, tmp_path: Path, server: LoopbackUpstream, encoder: LoopbackUpstream
) -> None:
    encoder.misbehave = lambda _: Fault.status(401)
    config = "[policies.thrifty]\nmin_quality = 0.5"
    with running(tmp_path, far_folder, pool_toml(server), config, allow_remote=True) as gateway:
        assert not encoder.requests
        assert gateway.chat("Hello", model="auto:thrifty").status == 200
    assert len(encoder.requests) == 1
