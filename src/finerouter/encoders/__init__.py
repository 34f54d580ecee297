"""Prompts -> embeddings: one protocol, three encoders.

    static        the embedded default; packaged, some 0.05 ms a prompt
    transformer   any sentence encoder exported to ONNX; extra `[onnx]`
    remote        an OpenAI-compatible embeddings endpoint; extra `[remote]`

Takes an `EncoderSpec` and gives the encoder it describes (`build_encoder`). Knows no artifact and
nothing of what the rows are used for. The extras' modules, and the tokenizer of the default, are
imported on first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finerouter.encoders.protocol import Encoder, EncoderSpec
from finerouter.encoders.static import StaticEncoder
from finerouter.errors import EncoderError, EncoderMismatch

if TYPE_CHECKING:
    from finerouter.encoders.remote import RemoteEncoder
    from finerouter.encoders.transformer import TransformerEncoder

__all__ = [
    "Encoder",
    "EncoderSpec",
    "RemoteEncoder",
    "StaticEncoder",
    "TransformerEncoder",
    "build_encoder",
]

_OF_EXTRAS = {
    "RemoteEncoder": "finerouter.encoders.remote",
    "TransformerEncoder": "finerouter.encoders.transformer",
}
_KINDS = ("static", "onnx", "remote")


def __getattr__(name: str) -> object:
    if name in _OF_EXTRAS:
        return getattr(importlib.import_module(_OF_EXTRAS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build_encoder(spec: EncoderSpec, *, folder: Path | str | None = None) -> Encoder:
    """Build the encoder that a spec describes, and check that it is that one.

    Args:
        spec: as recorded when the router was trained.
        folder: where an ONNX encoder lies now, if not where the spec says.

    Raises:
        EncoderError: an extra, a file or a key is missing, or the spec cannot be read.
        EncoderMismatch: there is an encoder, but with other weights or settings.
    """
    try:
        built = _build(spec, folder)
    except KeyError as error:
        raise EncoderError(
            f"the record of encoder {spec.name!r} lacks {error}; train the router again"
        ) from error
    _check_same(spec, built.spec)
    return built


def _build(spec: EncoderSpec, folder: Path | str | None) -> Encoder:
    options: Mapping[str, Any] = spec.options
    if spec.kind == "static":
        return StaticEncoder.load()
    if spec.kind == "onnx":
        from finerouter.encoders.transformer import TransformerEncoder

        return TransformerEncoder.from_options(options, name=spec.name, folder=folder)
    if spec.kind == "remote":
        from finerouter.encoders.remote import RemoteEncoder

        return RemoteEncoder.from_options(options, dim=spec.dim)
    raise EncoderError(
        f"unknown encoder kind {spec.kind!r}; this version knows {', '.join(_KINDS)}"
    )


def _check_same(wanted: EncoderSpec, built: EncoderSpec) -> None:
    # Where it lies and how it is reached may change; what it computes may not.
    expected, found = _fingerprint(wanted), _fingerprint(built)
    differing = [part for part in expected if expected[part] != found[part]]
    if differing:
        detail = ", ".join(f"{part} {found[part]} (was {expected[part]})" for part in differing)
        raise EncoderMismatch(
            f"the router was trained with encoder {wanted.name!r}; the one at hand differs: "
            f"{detail}; give the encoder of the training, or train again"
        )


def _fingerprint(spec: EncoderSpec) -> dict[str, object]:
    tokenizer = spec.options.get("tokenizer_sha256")
    return {"dim": spec.dim, "sha256": spec.sha256, "tokenizer_sha256": tokenizer}
