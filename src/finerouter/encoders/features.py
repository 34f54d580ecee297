"""Embedding and structure as one row: what both stages see of a prompt.

Takes embeddings and structural features; gives unit rows [prompt, feature]. Fitted on training
prompts only for the scale of the structural part. Knows nothing of tasks or models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.encoders.protocol import Encoder, unit_rows
from finerouter.encoders.structure import NAMES, structure

_CLIP = 3.0


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Standardises structure and puts it beside the embedding.

    Attributes:
        mean, scale: of each structural feature over the training prompts.
        weight: length that the structural part has beside an embedding of length one, when every
            feature is one standard deviation from its mean.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weight: float

    @classmethod
    def fit(cls, structural: NDArray[np.float32], *, weight: float) -> FeatureMap:
        """Fit on the structural features [prompt, feature] of training prompts."""
        spread = structural.std(axis=0)
        # A feature that never varied says nothing; a huge scale silences it for good.
        scale = np.where(spread > 1e-6, spread, np.float32(1e6)).astype(np.float32)
        return cls(structural.mean(axis=0).astype(np.float32), scale, weight)

    def rows(
        self, embeddings: NDArray[np.float32], structural: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Unit rows [prompt, embedding and structure]."""
        # In place: for a single prompt an array costs more than what is done to it.
        part = structural - self.mean
        part /= self.scale
        np.minimum(np.maximum(part, -_CLIP, out=part), _CLIP, out=part)
        part *= np.float32(self.weight / np.sqrt(len(NAMES)))
        return unit_rows(np.concatenate([embeddings, part], axis=1, dtype=np.float32))

    def encode(self, encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Feature rows of texts, [texts, feature]."""
        return self.rows(encoder.encode(texts), structure(texts))

    def to_tensors(self) -> dict[str, NDArray[np.float32]]:
        """The fitted arrays, by name."""
        return {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, NDArray[np.float32]], *, weight: float
    ) -> FeatureMap:
        """Rebuild from what `to_tensors` gave."""
        return cls(tensors["mean"], tensors["scale"], weight)
