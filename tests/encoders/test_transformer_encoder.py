"""ONNX encoders against the same network in NumPy."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from finerouter.encoders import EncoderSpec, TransformerEncoder, build_encoder
from finerouter.encoders.transformer import Windowing
from finerouter.errors import ConfigError, EncoderError, EncoderMismatch
from recipes.static_encoder import minilm
from tests.encoders import tiny_bert

CLS, SEP = tiny_bert.VOCABULARY["[CLS]"], tiny_bert.VOCABULARY["[SEP]"]
minilm_folder = os.environ.get("FINEROUTER_MINILM")
needs_minilm = pytest.mark.skipif(
    not minilm_folder, reason="set FINEROUTER_MINILM to the folder of the all-MiniLM-L6-v2 files"
)


def plain_ids(text: str) -> list[int]:
    tokenizer = tiny_bert.tokenizer()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.encode(text, add_special_tokens=False).ids


def numpy_mean(ids: list[int]) -> np.ndarray:
    rows = np.array([[CLS, *ids, SEP]])
    return minilm.sentence_vectors(tiny_bert.weights(), rows, heads=tiny_bert.HEADS)[0]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_equals_the_numpy_network(transformer: TransformerEncoder) -> None:
    texts = ["the word", "a", "what is 7 plus 12 ? 19 .", "the the the word word b2b"]
    expected = [unit(numpy_mean(plain_ids(text))) for text in texts]
    np.testing.assert_allclose(transformer.encode(texts), expected, atol=2e-6)


def test_long_text_is_the_weighted_mean_of_its_windows(transformer: TransformerEncoder) -> None:
    text = "the word a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5"
    ids = plain_ids(text)
    assert len(ids) == 33  # two windows of 22, the second aligned to the end
    expected = unit(22 * numpy_mean(ids[:22]) + 22 * numpy_mean(ids[-22:]))
    np.testing.assert_allclose(transformer.encode([text])[0], expected, atol=2e-6)


@pytest.mark.parametrize("repeats", [10, 200])  # within all windows, and thinned
def test_the_tail_of_a_long_text_counts(transformer: TransformerEncoder, repeats: int) -> None:
    body = "the word a b c . " * repeats
    plain, tailed = transformer.encode([body, body[:-6] + "z z z."])
    assert plain @ tailed < 0.9999


def test_thinning_is_told_and_keeps_head_and_tail(caplog: pytest.LogCaptureFixture) -> None:
    windowing = Windowing(max_tokens=24, overlap=4, max_windows=5)
    with caplog.at_level(logging.WARNING, "finerouter"):
        starts = windowing.starts(1_000, 22)
    assert starts[0] == 0
    assert starts[-1] == 1_000 - 22
    assert len(set(starts)) == 5
    assert "1000 tokens is thinned to 5 of its" in caplog.text


@pytest.mark.parametrize("length", range(1, 120))
def test_windows_cover_every_token(length: int) -> None:
    starts = Windowing(max_tokens=12, overlap=3, max_windows=99).starts(length, 10)
    covered = {token for start in starts for token in range(start, min(start + 10, length))}
    assert covered == set(range(length))
    assert len(set(starts)) == len(starts)


def test_text_of_unknown_script_gives_zeros(transformer: TransformerEncoder) -> None:
    assert not transformer.encode(["漢字 かな"]).any()


def test_it_may_have_moved(transformer: TransformerEncoder, tiny_folder: Path, tmp_path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_folder / name).read_bytes())
    moved = build_encoder(transformer.spec, folder=tmp_path)
    np.testing.assert_array_equal(moved.encode(["the word"]), transformer.encode(["the word"]))


def test_another_tokenizer_is_refused(transformer: TransformerEncoder) -> None:
    record = transformer.spec.to_json()
    record["options"]["tokenizer_sha256"] = "0" * 64
    with pytest.raises(EncoderMismatch, match="tokenizer_sha256"):
        build_encoder(EncoderSpec.from_json(record))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({}, "model.onnx is missing"),
        ({"model.onnx": "garbage"}, "cannot be opened by onnxruntime"),
    ],
)
@pytest.mark.usefixtures("tiny_folder")  # skips where onnxruntime is missing
def test_bad_folders(tmp_path, content: dict[str, str], complaint: str) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(EncoderError, match=complaint):
        TransformerEncoder.load(tmp_path)


def test_bad_tokenizer(tmp_path, tiny_folder: Path) -> None:
    (tmp_path / "model.onnx").write_bytes((tiny_folder / "model.onnx").read_bytes())
    with pytest.raises(EncoderError, match=r"tokenizer.json is missing"):
        TransformerEncoder.load(tmp_path, max_tokens=24, overlap=2)
    (tmp_path / "tokenizer.json").write_text(json.dumps({}))
    with pytest.raises(EncoderError, match="is no tokenizer"):
        TransformerEncoder.load(tmp_path, max_tokens=24, overlap=2)


def test_windows_longer_than_the_model(tiny_folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"cannot encode 41 tokens .*smaller max_tokens"):
        TransformerEncoder.load(tiny_folder, max_tokens=tiny_bert.POSITIONS + 1)


@pytest.mark.parametrize("sizes", [{"overlap": 22}, {"max_windows": 1}, {"max_tokens": 2}])
def test_sizes_that_contradict(tiny_folder: Path, sizes: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"leave .* for text"):
        TransformerEncoder.load(tiny_folder, **({"max_tokens": 24, "overlap": 4} | sizes))


def test_without_the_extra(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EncoderError, match=r"pip install 'finerouter\[onnx\]'"):
        TransformerEncoder.load(tiny_folder)


def test_quantised_model_keeps_rows_apart(tiny_folder: Path, tmp_path) -> None:
    import onnx

    from recipes.onnx_encoder.build import quantised

    onnx.save(quantised(onnx.load(tiny_folder / "model.onnx")), tmp_path / "model.onnx")
    (tmp_path / "tokenizer.json").write_bytes((tiny_folder / "tokenizer.json").read_bytes())
    exact, small = (
        TransformerEncoder.load(folder, max_tokens=24, overlap=4)
        for folder in (tiny_folder, tmp_path)
    )
    texts = ["the word", "what is 7 plus 12 ?", "b c d e f g"]
    rows = small.encode(texts)
    np.testing.assert_allclose(rows[:1], small.encode(texts[:1]), atol=1e-6)
    assert (rows * exact.encode(texts)).sum(axis=1).min() > 0.95


@needs_minilm
def test_published_minilm_equals_numpy(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    from tokenizers import Tokenizer

    from recipes.onnx_encoder import build

    assert minilm_folder is not None
    arguments = ["build", "--weights", minilm_folder, "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    build.main()
    text = "Prove that the square root of two is irrational."
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.no_padding()
    weights = minilm.load_weights(Path(minilm_folder, "model.safetensors"))
    expected = minilm.sentence_vectors(weights, np.array([tokenizer.encode(text).ids]))[0]
    row = TransformerEncoder.load(tmp_path).encode([text])[0]
    np.testing.assert_allclose(row, unit(expected), atol=1e-5)
