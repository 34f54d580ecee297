"""What every encoder promises, whichever it is."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finerouter.encoders import Encoder, EncoderSpec, build_encoder
from finerouter.errors import EncoderError, EncoderMismatch

TEXTS = [
    "Prove that the square root of two is irrational.",
    "def add(a, b): return a + b",
    "",
    "What is 17 * 23?",
    "   \n\t ",
    "the word " * 300,
    "ein Wort, un mot, una palabra",
]
quick = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_contract(rows: np.ndarray, encoder: Encoder, count: int) -> None:
    assert rows.shape == (count, encoder.spec.dim)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    lengths = np.linalg.norm(rows, axis=1)
    assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all()


def test_rows_are_unit_or_zero(encoder: Encoder) -> None:
    rows = encoder.encode(TEXTS)
    assert_contract(rows, encoder, len(TEXTS))
    blank = [not text.strip() for text in TEXTS]
    assert (~rows.any(axis=1)).tolist() == blank


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert_contract(encoder.encode([]), encoder, 0)


def test_same_text_gives_same_row(encoder: Encoder) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_a_batch_equals_its_texts_one_by_one(encoder: Encoder) -> None:
    singly = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), singly, atol=1e-6)


def test_order_does_not_matter(encoder: Encoder) -> None:
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], encoder.encode(TEXTS), atol=1e-6)


@quick
@given(texts=st.lists(st.text(st.characters(), max_size=60), max_size=4))
def test_any_text_at_all(encoder: Encoder, texts: list[str]) -> None:
    assert_contract(encoder.encode(texts), encoder, len(texts))


@pytest.mark.parametrize("text", ["\ud800 cut emoji \udc00", "\x00\x01", "\ufeff", "e\u0301" * 99])
def test_odd_characters(encoder: Encoder, text: str) -> None:
    assert_contract(encoder.encode([text]), encoder, 1)


def test_a_megabyte_is_encoded_soon_and_to_its_end(encoder: Encoder) -> None:
    text = "the word is here and there 4 you. " * 30_000
    began = time.perf_counter()
    rows = encoder.encode([text, text + "quite zany jumps? " * 30_000])
    assert time.perf_counter() - began < 10  # about 0.2 s each; loaded machines are slow
    assert_contract(rows, encoder, 2)
    assert rows[0] @ rows[1] < 0.999


def test_the_spec_survives_json(encoder: Encoder) -> None:
    spec = encoder.spec
    assert EncoderSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_spec_builds_the_same_encoder(encoder: Encoder) -> None:
    again = build_encoder(encoder.spec)
    assert again.spec == encoder.spec
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


@pytest.mark.parametrize("part", [{"dim": 7}, {"sha256": "0" * 64}])
def test_another_encoder_is_refused(static: Encoder, part: dict[str, object]) -> None:
    other = EncoderSpec.from_json(static.spec.to_json() | part)
    with pytest.raises(EncoderMismatch, match=f"{next(iter(part))} .*train again"):
        build_encoder(other)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"'telepathy'.*static, onnx, remote"):
        build_encoder(EncoderSpec("telepathy", "x", 1, ""))


@pytest.mark.parametrize("kind", ["onnx", "remote"])
def test_a_record_without_options_is_refused(kind: str) -> None:
    with pytest.raises(EncoderError, match=r"lacks .*train the router again"):
        build_encoder(EncoderSpec(kind, "x", 1, ""))
