from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.encoders.features import FeatureMap
from finerouter.encoders.protocol import unit_rows
from finerouter.encoders.structure import NAMES, structure

any_text = st.text(st.characters(), max_size=200)


def feature(text: str, name: str) -> float:
    return float(structure([text])[0, NAMES.index(name)])


@given(st.lists(any_text, max_size=4))
def test_structure_of_any_text_is_finite(texts: list[str]) -> None:
    found = structure(texts)
    assert found.shape == (len(texts), len(NAMES))
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@given(any_text, any_text)
def test_a_text_is_judged_by_itself_alone(one: str, other: str) -> None:
    together = structure([one, other])
    np.testing.assert_array_equal(together[:1], structure([one]))
    np.testing.assert_array_equal(together[1:], structure([other]))


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("numbers", "1 and 2 and 3", "one and two and three"),
        ("options", "Which?\nA) red\nB) blue", "Which, red or blue?"),
        ("code_words", "def f(): return 1", "a function that gives one"),
        ("formula_signs", "Solve $x^2$", "Solve x squared"),
        ("ends_in_question", "Is it so? ", "It is so. Is it?!"),
        ("non_ascii_share", "你好世界", "hello world"),
        ("upper_share", "SHOUT", "whisper"),
        ("lines", "a\nb\nc", "a b c"),
        ("bytes", "long " * 100, "long"),
    ],
)
def test_each_feature_sees_what_it_is_named_after(name: str, more: str, less: str) -> None:
    assert feature(more, name) > feature(less, name)


def test_a_huge_text_keeps_its_length_its_head_and_its_tail() -> None:
    middle = "word " * 60_000
    assert feature("1 2 3 " + middle, "numbers") > feature(middle, "numbers")
    assert feature(middle + " 1 2 3", "numbers") > feature(middle, "numbers")
    assert feature(middle * 2, "bytes") > feature(middle, "bytes")


@pytest.fixture(scope="module")
def fitted():
    random = np.random.default_rng(0)
    structural = random.normal(3.0, 2.0, size=(50, len(NAMES))).astype(np.float32)
    embeddings = unit_rows(random.normal(size=(50, 8)).astype(np.float32))
    return embeddings, structural, FeatureMap.fit(structural, weight=0.5)


def test_feature_rows_have_unit_length(fitted) -> None:
    embeddings, structural, features = fitted
    rows = features.rows(embeddings, structural)
    assert rows.shape == (50, 8 + len(NAMES))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_the_weight_is_the_share_of_structure(fitted) -> None:
    embeddings, structural, features = fitted
    lengths = np.linalg.norm(features.rows(embeddings, structural)[:, 8:], axis=1)
    assert np.mean(lengths**2 / (1 - lengths**2)) == pytest.approx(0.25, rel=0.1)
    silent = FeatureMap.fit(structural, weight=0.0).rows(embeddings, structural)
    np.testing.assert_allclose(silent[:, :8], embeddings, atol=1e-6)


def test_a_feature_that_never_varied_is_silent_for_good(fitted) -> None:
    embeddings, structural, _ = fitted
    constant = structural.copy()
    constant[:, 3] = 7.0
    features = FeatureMap.fit(constant, weight=0.5)
    changed = constant.copy()
    changed[:, 3] = 900.0
    np.testing.assert_allclose(
        features.rows(embeddings, changed), features.rows(embeddings, constant), atol=1e-3
    )


def test_an_outlier_does_not_drown_the_embedding(fitted) -> None:
    embeddings, structural, features = fitted
    rows = features.rows(embeddings, structural + 1e6)
    assert (np.linalg.norm(rows[:, :8], axis=1) > 0.5).all()


def test_tensors_make_the_same_features(fitted) -> None:
    embeddings, structural, features = fitted
    rebuilt = FeatureMap.from_tensors(features.to_tensors(), weight=features.weight)
    np.testing.assert_array_equal(
        rebuilt.rows(embeddings, structural), features.rows(embeddings, structural)
    )
