"""The steps that made the packaged table, on small inputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recipes.static_encoder import build, minilm
from tests.encoders import tiny_bert


def test_components_keep_distances_of_a_flat_cloud() -> None:
    generator = np.random.default_rng(0)
    flat = generator.normal(size=(50, 3)) @ generator.normal(size=(3, 20)) + 5.0
    projected = build.principal_components(flat, 3)
    np.testing.assert_allclose(
        np.linalg.norm(projected[0] - projected[1]), np.linalg.norm(flat[0] - flat[1])
    )
    np.testing.assert_allclose(projected.mean(axis=0), 0, atol=1e-9)
    assert (np.diff(projected.var(axis=0)) < 0).all()


def test_components_have_one_sign() -> None:
    points = np.random.default_rng(1).normal(size=(60, 6))
    shuffled = np.random.default_rng(2).permutation(60)
    np.testing.assert_allclose(
        build.principal_components(points, 4)[shuffled],
        build.principal_components(points[shuffled], 4),
        atol=1e-9,
    )


def test_quantising_costs_little() -> None:
    table = np.random.default_rng(3).normal(size=(40, 256)) * np.logspace(-3, 1, 40)[:, None]
    table[7] = 0
    coded = build.quantise(table)
    assert (coded["codes"][7] == 0).all()
    assert coded["scales"][7] == 0
    kept = np.delete(np.arange(40), 7)
    decoded = coded["codes"][kept] * coded["scales"][kept].astype(float)[:, None]
    cosine = (decoded * table[kept]).sum(axis=1) / (
        np.linalg.norm(decoded, axis=1) * np.linalg.norm(table[kept], axis=1)
    )
    assert cosine.min() > 0.9999


def test_distilling_repeats_and_leaves_special_tokens_out() -> None:
    first, second = (build.distil(tiny_bert.weights(), tiny_bert.VOCABULARY, 8) for _ in range(2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])
    assert first["codes"].any(axis=1).tolist() == [False] * 5 + [True] * (len(tiny_bert.PIECES) - 5)


def test_single_tokens_are_encoded_between_the_special_ones() -> None:
    weights, ids = tiny_bert.weights(), tiny_bert.VOCABULARY
    vectors = build.single_token_vectors(weights, ids)
    expected = minilm.sentence_vectors(weights, np.array([[ids["[CLS]"], 9, ids["[SEP]"]]]))
    np.testing.assert_allclose(vectors[9], expected[0], atol=1e-6)


def test_other_files_than_the_published_are_refused(tmp_path) -> None:
    for name, read in (
        ("model.safetensors", minilm.load_weights),
        ("tokenizer.json", build.read_tokenizer),
    ):
        path = tmp_path / name
        path.write_text(json.dumps({}))
        with pytest.raises(ValueError, match="is not that of all-MiniLM-L6-v2"):
            read(path)
