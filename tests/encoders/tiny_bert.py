"""A BERT of two thin layers with random weights, and a tokenizer of some sixty pieces.

Same layout as all-MiniLM-L6-v2, so that what holds here holds for the published model.
"""

from __future__ import annotations

import string

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

LAYERS, HEADS, WIDTH, INNER, POSITIONS = 2, 12, 24, 32, 40
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = [*string.ascii_lowercase, *string.digits]
PIECES = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), ".", "?", "the", "word"]
VOCABULARY = {piece: index for index, piece in enumerate(PIECES)}


def tokenizer() -> Tokenizer:
    """It cuts and pads, as published ones do: the encoder has to undo that."""
    built = Tokenizer(WordPiece(VOCABULARY, unk_token="[UNK]"))
    built.normalizer = BertNormalizer(lowercase=True)
    built.pre_tokenizer = BertPreTokenizer()
    built.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, VOCABULARY[name]) for name in ("[CLS]", "[SEP]")],
    )
    built.enable_truncation(12)
    built.enable_padding(length=12)
    return built


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)

    def table(rows: int, columns: int) -> np.ndarray:
        return generator.normal(0, 0.4, (rows, columns)).astype(np.float32)

    built = {
        "embeddings.word_embeddings.weight": table(len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": table(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": table(2, WIDTH),
    }
    linear = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (INNER, WIDTH),
        "output.dense": (WIDTH, INNER),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        for part, shape in linear.items():
            built[f"{name}.{part}.weight"] = table(*shape)
            built[f"{name}.{part}.bias"] = table(1, shape[0])[0]
    for norm in norms:
        built[f"{norm}.weight"] = 1 + table(1, WIDTH)[0]
        built[f"{norm}.bias"] = table(1, WIDTH)[0]
    return built
