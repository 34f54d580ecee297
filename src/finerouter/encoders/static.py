"""The embedded default: a sentence is the mean of its tokens' rows in a small table.

Takes texts; gives unit rows of 256 numbers, in tens of microseconds a prompt. Knows no network
and no framework: it needs NumPy, tokenizers and safetensors. How the table was distilled stands
in `recipes/static_encoder`, and in `data/PROVENANCE.json` beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finerouter.encoders.pieces import split_text, well_formed
from finerouter.encoders.protocol import EncoderSpec, unit_rows
from finerouter.encoders.wordpiece import WordIds
from finerouter.errors import EncoderError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "minilm-static-256"
# Bounds what is dequantised at a time to what stays in the processor's cache.
_PIECE_CHARS = 2_048


class StaticEncoder:
    """Mean of token rows, held as int8 codes and dequantised only where looked up."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        codes: NDArray[np.int8],
        scales: NDArray[np.float16],
        spec: EncoderSpec,
    ) -> None:
        self._word_ids = WordIds(tokenizer)
        self._codes = codes
        self._scales = scales.astype(np.float32)
        self._spec = spec

    @classmethod
    def load(cls) -> StaticEncoder:
        """The packaged encoder; read once per process.

        Raises:
            EncoderError: a packaged file is missing.
        """
        return _packaged()

    @property
    def spec(self) -> EncoderSpec:
        """Its identity."""
        return self._spec

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; every token counts, however long the text.

        Returns:
            [texts, 256], unit rows, or zeros where no token is known.
        """
        sums = np.empty((len(texts), self._spec.dim), np.float32)
        for at, text in enumerate(texts):
            sums[at] = self._sum_of_rows(well_formed(text))
        return unit_rows(sums)

    def _sum_of_rows(self, text: str) -> NDArray[np.float32]:
        if len(text) <= _PIECE_CHARS:
            return self._sum_of_piece(text)
        total = np.zeros(self._spec.dim, np.float32)
        for piece in split_text(text, _PIECE_CHARS):
            total += self._sum_of_piece(piece)
        return total

    def _sum_of_piece(self, piece: str) -> NDArray[np.float32]:
        ids = self._word_ids.of_text(piece)
        rows = self._codes.take(ids, axis=0).astype(np.float32)
        # Not a matrix product: BLAS would spread this over threads, which on a busy machine costs
        # a hundred times the work itself.
        total: NDArray[np.float32] = np.einsum("t,td->d", self._scales.take(ids), rows)
        return total


@cache
def _packaged() -> StaticEncoder:
    # Imported here: `import finerouter` stays fast for those who bring another encoder.
    from safetensors.numpy import load
    from tokenizers import Tokenizer

    folder = resources.files("finerouter.encoders") / "data"
    try:
        table = (folder / "table.safetensors").read_bytes()
        tokenizer = (folder / "tokenizer.json").read_bytes()
    except OSError as error:
        raise EncoderError(
            f"the packaged static encoder cannot be read ({error}); reinstall finerouter"
        ) from error
    arrays = load(table)
    spec = EncoderSpec(
        kind="static",
        name=NAME,
        dim=arrays["codes"].shape[1],
        sha256=hashlib.sha256(table).hexdigest(),
        options={"tokenizer_sha256": hashlib.sha256(tokenizer).hexdigest()},
    )
    return StaticEncoder(Tokenizer.from_buffer(tokenizer), arrays["codes"], arrays["scales"], spec)
