"""The embedded default: its files, its arithmetic, and that it loads little."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load
from tokenizers import Tokenizer

from finerouter.encoders import StaticEncoder
from finerouter.encoders.pieces import split_text
from finerouter.encoders.wordpiece import WordIds

DATA = resources.files("finerouter.encoders") / "data"
TOKENIZER = Tokenizer.from_buffer((DATA / "tokenizer.json").read_bytes())
TABLE = load((DATA / "table.safetensors").read_bytes())
WORD_IDS = WordIds(TOKENIZER)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_packaged_files_are_those_of_the_provenance() -> None:
    recorded = json.loads((DATA / "PROVENANCE.json").read_text())["sha256"]
    assert set(recorded) == {"table.safetensors", "tokenizer.json"}
    for name, digest in recorded.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


def test_table_fits_vocabulary() -> None:
    assert TABLE["codes"].shape == (TOKENIZER.get_vocab_size(), 256)
    assert TABLE["codes"].dtype == np.int8
    assert TABLE["scales"].dtype == np.float16
    assert (TABLE["scales"] >= 0).all()


def test_tokens_without_meaning_have_no_vector() -> None:
    ids = [TOKENIZER.token_to_id(token) for token in (*SPECIAL, "[unused0]")]
    assert not TABLE["codes"][ids].any()
    known = TOKENIZER.token_to_id("theorem")
    assert TABLE["codes"][known].any()


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_words_apart_are_tokenized_as_the_whole(text: str) -> None:
    assert WORD_IDS.of_text(text).tolist() == TOKENIZER.encode(text).ids


@settings(max_examples=300, deadline=None)
@given(st.text("aZé\u0301ß'.\t\u00a0\u200b\x00\x1c漢か İΣ#-9", max_size=40))
def test_words_apart_are_tokenized_as_the_whole_where_it_is_hard(text: str) -> None:
    assert WORD_IDS.of_text(text).tolist() == TOKENIZER.encode(text).ids


def test_remembered_words_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finerouter.encoders.wordpiece._REMEMBERED_WORDS", 50)
    words = WordIds(TOKENIZER)
    text = " ".join(f"xq{number}" for number in range(200))
    assert words.of_text(text).tolist() == TOKENIZER.encode(text).ids
    assert len(words) <= 50
    words.of_text("x" * 1_000)
    assert max(map(len, words)) <= 50


@given(st.text(" ab\n\u2003", max_size=60), st.integers(1, 20))
def test_pieces_hold_everything(text: str, max_chars: int) -> None:
    pieces = list(split_text(text, max_chars))
    assert "".join(pieces) == text
    assert all(len(piece) <= max_chars for piece in pieces)


def test_pieces_tear_no_word() -> None:
    for gap in (" ", "\n", "\u2003"):
        text = gap.join(["word"] * 50)
        assert {piece.strip() for piece in " ".join(split_text(text, 20)).split()} == {"word"}


def test_a_row_is_the_mean_of_its_tokens(static: StaticEncoder) -> None:
    text = "Sorting a linked list takes O(n log n) time. " * 200
    ids = TOKENIZER.encode(text).ids
    rows = TABLE["codes"][ids] * TABLE["scales"][ids].astype(np.float64)[:, None]
    expected = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    np.testing.assert_allclose(static.encode([text])[0], expected, atol=1e-5)


def test_unknown_script_gives_zeros(static: StaticEncoder) -> None:
    assert not static.encode(["\ua66e \ua66e\ua66e", "\U00013000"]).any()


def test_the_end_of_a_long_text_counts(static: StaticEncoder) -> None:
    body = "It was a dark night. " * 2_000
    plain, tailed = static.encode([body, body + "Compute the integral of the function. " * 500])
    assert plain @ tailed < 0.98


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("How do I bake bread?", "A recipe for a loaf", "Solve the differential equation"),
        ("Fix this Python bug", "debugging code in Java", "the history of ancient Rome"),
        ("What is 12 times 9?", "multiply two numbers", "Write a poem about the sea"),
        ("symptoms of diabetes", "a patient's blood sugar", "contract law and liability"),
        ("Translate into French", "English to Spanish translation", "chemical reaction rates"),
    ],
)
def test_like_meanings_lie_closer(static: StaticEncoder, text: str, near: str, far: str) -> None:
    rows = static.encode([text, near, far])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.05


def test_it_is_loaded_once(static: StaticEncoder) -> None:
    assert StaticEncoder.load() is static


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import finerouter.encoders", ["tokenizers", "onnxruntime", "aiohttp"]),
        (
            "from finerouter.encoders import StaticEncoder; StaticEncoder.load().encode(['x'])",
            ["scipy", "pyarrow", "sklearn", "onnxruntime", "aiohttp", "huggingface_hub"],
        ),
    ],
)
def test_imports_stay_light(statement: str, absent: list[str]) -> None:
    check = f"{statement}; import sys; print([n for n in {absent} if n in sys.modules])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", check], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
