"""Which encoder a command shall use: `--encoder` and what goes with it.

Takes what the user typed; gives an `Encoder`. The extras' modules are imported when one is named.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from finerouter.cli.endpoint_address import address, key_variable
from finerouter.encoders import Encoder, StaticEncoder
from finerouter.errors import ConfigError


@dataclass(frozen=True)
class EncoderChoice:
    """An encoder as named on the command line.

    Attributes:
        named: `static`, `onnx:FOLDER` or `remote:MODEL`.
        url, key_env: of a remote encoder's endpoint, None where not given.
    """

    named: str
    url: str | None
    key_env: str | None

    def build(self) -> Encoder:
        """Make the encoder.

        Raises:
            ConfigError: there is no such kind, or an option does not go with it.
            EncoderError: an extra or a file is missing.
        """
        kind, _, where = self.named.partition(":")
        if kind != "remote" and (self.url or self.key_env):
            raise ConfigError(
                "--encoder-url and --encoder-key-env are for --encoder remote:MODEL; "
                f"leave them out with {self.named!r}"
            )
        if self.named == "static":
            return StaticEncoder.load()
        if kind == "onnx" and where:
            return _onnx(where)
        if kind == "remote" and where:
            return self._remote(where)
        raise ConfigError(
            f"--encoder {self.named!r} is none; give static, onnx:FOLDER or remote:MODEL"
        )

    def _remote(self, model: str) -> Encoder:
        from finerouter.encoders import RemoteEncoder

        return RemoteEncoder(address(self.url), model, api_key_env=key_variable(self.key_env))


def _onnx(folder: str) -> Encoder:
    from finerouter.encoders import TransformerEncoder

    # The router remembers the folder, and may be loaded from anywhere.
    return TransformerEncoder.load(Path(folder).resolve())


def encoder_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it is called with `encoder`, an `EncoderChoice`."""

    @click.option(
        "--encoder",
        default="static",
        show_default=True,
        metavar="ENCODER",
        help="static, onnx:FOLDER or remote:MODEL.",
    )
    @click.option("--encoder-url", metavar="URL", help="Of a remote encoder; as --llm-url.")
    @click.option("--encoder-key-env", metavar="NAME", help="As --llm-key-env.")
    @functools.wraps(command)
    def with_encoder(
        *args: Any, encoder: str, encoder_url: str | None, encoder_key_env: str | None, **rest: Any
    ) -> None:
        command(*args, encoder=EncoderChoice(encoder, encoder_url, encoder_key_env), **rest)

    return with_encoder
