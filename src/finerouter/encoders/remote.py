"""An embeddings model behind an OpenAI-compatible endpoint; extra `[remote]`.

Takes texts; gives unit rows, asking `/embeddings` for a batch at a time. Knows nothing of
retries and keys, which are the endpoint's, and nothing of the model but its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finerouter.asking import Endpoint
from finerouter.encoders.pieces import split_text, well_formed
from finerouter.encoders.protocol import EncoderSpec, unit_rows
from finerouter.errors import ConfigError, EncoderError, EndpointError, UserError
from finerouter.upstream.blocking import BlockingUpstream

_PATH = "/embeddings"


class _Chunk(NamedTuple):
    """A part of a text, and which row it adds to."""

    row: int
    text: str


class RemoteEncoder:
    """Rows from an endpoint; long texts are embedded in chunks and averaged, never cut."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        dim: int | None = None,
        api_key_env: str | None = "OPENAI_API_KEY",
        batch_size: int = 64,
        max_chars: int = 6_000,
        timeout_s: float = 60.0,
        **client: Any,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            base_url: such as `https://api.example.com/v1`.
            model: as the endpoint calls it.
            dim: length of its rows; asked of the endpoint when first needed, if not given.
            api_key_env: the environment variable that holds the key, or None.
            batch_size: chunks per request.
            max_chars: of a chunk. The default keeps within 8,192 tokens in about any language.
            timeout_s: until an answer has to begin.
            client: options of `Upstream`, such as its patience.

        Raises:
            ConfigError: a size is not positive.
            EncoderError: the extra is missing, or the URL unusable.
        """
        if batch_size < 1 or max_chars < 2:
            raise ConfigError("batch_size must be 1 or more and max_chars 2 or more")
        try:
            endpoint = Endpoint(model, base_url, key_env=api_key_env, timeout_s=timeout_s)
            self._upstream = BlockingUpstream(endpoint, **client)
        except UserError as error:
            raise EncoderError(f"remote encoder {model!r}: {error}") from error
        self._model = model
        self._dim = dim
        self._batch_size = batch_size
        self._max_chars = max_chars

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, dim: int) -> RemoteEncoder:
        """The encoder whose spec holds these options.

        Raises:
            KeyError: an option is missing.
        """
        return cls(
            options["base_url"],
            options["model"],
            dim=dim,
            api_key_env=options["api_key_env"] or None,
            batch_size=options["batch_size"],
            max_chars=options["max_chars"],
        )

    @property
    def spec(self) -> EncoderSpec:
        """Its identity; asks the endpoint once where the dimension is not known."""
        dim = self._known_dim()
        return EncoderSpec(
            kind="remote",
            name=self._model,
            dim=dim,
            sha256=hashlib.sha256(f"remote {self._model} {dim}".encode()).hexdigest(),
            options={
                "base_url": self._upstream.endpoint.base_url,
                "model": self._model,
                "api_key_env": self._upstream.endpoint.key_env or "",
                "batch_size": self._batch_size,
                "max_chars": self._max_chars,
            },
        )

    def close(self) -> None:
        """Close the connections; also happens when the encoder is dropped."""
        self._upstream.close()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; blank ones are not sent and get zeros.

        Returns:
            [texts, dim], unit rows or zeros.

        Raises:
            EndpointError: the endpoint failed, or its answer does not fit the question.
        """
        chunks = self._chunks(texts)
        sums: NDArray[np.float32] | None = None
        while batch := list(islice(chunks, self._batch_size)):
            vectors = self._embed([chunk.text for chunk in batch])
            sums = np.zeros((len(texts), vectors.shape[1]), np.float32) if sums is None else sums
            # A chunk counts by its length, as it would in a mean over the whole text.
            lengths = np.array([len(chunk.text) for chunk in batch], np.float32)
            np.add.at(sums, [chunk.row for chunk in batch], vectors * lengths[:, None])
        if sums is None:
            return np.zeros((len(texts), self._known_dim()), np.float32)
        return unit_rows(sums)

    def _chunks(self, texts: Sequence[str]) -> Iterator[_Chunk]:
        for row, text in enumerate(texts):
            for piece in split_text(well_formed(text), self._max_chars):
                if piece.strip():
                    yield _Chunk(row, piece)

    def _known_dim(self) -> int:
        if self._dim is None:
            self._embed(["How long is a row?"])
        assert self._dim is not None
        return self._dim

    def _embed(self, chunks: list[str]) -> NDArray[np.float32]:
        answer = self._upstream.post(_PATH, {"model": self._model, "input": chunks})
        vectors = _in_order(answer, len(chunks))
        if self._dim is None:
            self._dim = vectors.shape[1]
        if vectors.shape[1] != self._dim:
            raise EndpointError(
                f"{_PATH}: model {self._model!r} gave rows of {vectors.shape[1]} numbers, "
                f"expected {self._dim}; check the model's name and the encoder's dim"
            )
        return unit_rows(vectors)


def _in_order(answer: Mapping[str, Any], count: int) -> NDArray[np.float32]:
    """The vectors of an answer in the order of the question; [count, dim], all finite."""
    try:
        items = sorted(answer["data"], key=lambda item: int(item["index"]))
        indices = [int(item["index"]) for item in items]
        vectors = np.array([item["embedding"] for item in items], np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise EndpointError(f"{_PATH}: the answer is no list of embeddings ({error!r})") from error
    if indices != list(range(count)) or vectors.ndim != 2:
        raise EndpointError(f"{_PATH}: asked for {count} embeddings, got indices {indices[:5]}...")
    if not np.isfinite(vectors).all():
        raise EndpointError(f"{_PATH}: an embedding holds NaN or an infinite number")
    return vectors
