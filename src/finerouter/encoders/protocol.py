"""What every encoder is: texts in, one row of floats each out.

Takes nothing itself; gives the `Encoder` protocol, the `EncoderSpec` that an artifact records, and
the normalisation that all rows share. Knows no encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Option = str | int | float


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder's identity, as an artifact records it and a loader compares it.

    Attributes:
        kind: "static", "onnx" or "remote".
        name: a person's name for it, such as "all-MiniLM-L6-v2".
        dim: length of its rows.
        sha256: of the weights. A remote encoder's weights cannot be read: there it is the hash of
            model name and dimension, so that an endpoint may move and its model may not change.
        options: what is needed to build it again, JSON-able, never a secret.
    """

    kind: str
    name: str
    dim: int
    sha256: str
    options: Mapping[str, Option] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values; `from_json` reads it back."""
        return {
            "kind": self.kind,
            "name": self.name,
            "dim": self.dim,
            "sha256": self.sha256,
            "options": dict(sorted(self.options.items())),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EncoderSpec:
        """Read what `to_json` gave.

        Raises:
            KeyError: a field is missing.
        """
        return cls(
            kind=str(record["kind"]),
            name=str(record["name"]),
            dim=int(record["dim"]),
            sha256=str(record["sha256"]),
            options=dict(record["options"]),
        )


class Encoder(Protocol):
    """Turns texts into rows that a dot product compares."""

    @property
    def spec(self) -> EncoderSpec:
        """Its identity."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, each on its own.

        Returns:
            [texts, dim]; a row has unit length, or is all zeros where the text holds nothing the
            encoder knows. Never NaN. A row does not depend on the other texts of the call beyond
            rounding.
        """
        ...


def unit_rows(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to unit length; all-zero rows stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
    if lengths.all():
        return sums / lengths
    units = np.zeros_like(sums)
    np.divide(sums, lengths, out=units, where=lengths > 0)
    return units
