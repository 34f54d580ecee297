"""all-MiniLM-L6-v2 in NumPy: token ids -> mean-pooled sentence vectors.

Takes the published weights (safetensors) and batches of equally long token id rows; gives one
vector of 384 numbers a row. Knows nothing of tokenizing and nothing of the static table that
`build.py` distils with it.

The network is a BERT encoder (Devlin et al. 2019, arXiv 1810.04805) of six layers, twelve heads
and post-layer normalisation; sentence vectors are the mean over all positions, as the model's
card says. Weights of the same layout with other sizes work too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from scipy.special import erf

Array = npt.NDArray[np.float32]

HEADS = 12
LAYER_NORM_EPSILON = 1e-12
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def load_weights(path: Path) -> dict[str, Array]:
    """Read the weights; refuse a file that is not the published one.

    Raises:
        ValueError: the file's SHA-256 differs from the published model's.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{path}: SHA-256 {digest} is not that of all-MiniLM-L6-v2")
    return {name: np.asarray(value, np.float32) for name, value in load_file(path).items()}


def layer_count(weights: dict[str, Array]) -> int:
    """Number of encoder layers that the weights hold."""
    return sum(name.endswith("attention.self.query.weight") for name in weights)


def sentence_vectors(
    weights: dict[str, Array], token_ids: npt.NDArray[np.int64], *, heads: int = HEADS
) -> Array:
    """Encode rows of token ids without padding.

    Args:
        weights: as from `load_weights`.
        token_ids: [rows, length], special tokens included, every position attended to.
        heads: attention heads; the one size that the weights' shapes do not tell.

    Returns:
        Mean over positions, not normalised, [rows, 384].
    """
    hidden = _embed(weights, token_ids)
    for layer in range(layer_count(weights)):
        hidden = _encoder_layer(weights, f"encoder.layer.{layer}", hidden, heads)
    means: Array = hidden.mean(axis=1)
    return means


def _embed(weights: dict[str, Array], token_ids: npt.NDArray[np.int64]) -> Array:
    positions = np.arange(token_ids.shape[1])
    summed = (
        weights["embeddings.word_embeddings.weight"][token_ids]
        + weights["embeddings.position_embeddings.weight"][positions]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    return _layer_norm(weights, "embeddings.LayerNorm", summed)


def _encoder_layer(weights: dict[str, Array], name: str, hidden: Array, heads: int) -> Array:
    mixed = _attend(weights, name, hidden, heads)
    attended = _linear(weights, f"{name}.attention.output.dense", mixed)
    hidden = _layer_norm(weights, f"{name}.attention.output.LayerNorm", hidden + attended)
    inner = _linear(weights, f"{name}.intermediate.dense", hidden)
    activated = 0.5 * inner * (1.0 + erf(inner / np.float32(np.sqrt(2.0))))
    fed = _linear(weights, f"{name}.output.dense", activated)
    return _layer_norm(weights, f"{name}.output.LayerNorm", hidden + fed)


def _attend(weights: dict[str, Array], name: str, hidden: Array, heads: int) -> Array:
    rows, length, width = hidden.shape

    def split(part: str) -> Array:
        projected = _linear(weights, f"{name}.attention.self.{part}", hidden)
        return projected.reshape(rows, length, heads, width // heads).transpose(0, 2, 1, 3)

    scores = split("query") @ split("key").transpose(0, 1, 3, 2) / np.sqrt(width // heads)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = (scores.astype(np.float32) @ split("value")).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(mixed).reshape(rows, length, width)


def _linear(weights: dict[str, Array], name: str, inputs: Array) -> Array:
    # One flat product: NumPy would otherwise loop over tiny per-row products, 20 times slower.
    flat = inputs.reshape(-1, inputs.shape[-1]) @ weights[f"{name}.weight"].T
    return (flat + weights[f"{name}.bias"]).reshape(*inputs.shape[:-1], -1)


def _layer_norm(weights: dict[str, Array], name: str, inputs: Array) -> Array:
    centred = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
    normed: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return normed
