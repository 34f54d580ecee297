"""Any sentence encoder exported to ONNX, with its `tokenizer.json`; extra `[onnx]`.

Takes texts; gives unit rows: the mean over a text's tokens of the model's last hidden states, as
most sentence encoders want it. Knows nothing of how the model was trained or exported; one way to
export is in `recipes/onnx_encoder`.

A text longer than the model's window is encoded in overlapping windows, whose means are averaged
by their number of tokens. Very long texts are thinned to windows spread evenly from head to tail,
and a warning says so.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finerouter.encoders.pieces import well_formed
from finerouter.encoders.protocol import EncoderSpec, unit_rows
from finerouter.errors import ConfigError, EncoderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

_logger = logging.getLogger(__name__)

# Texts whose windows are sorted by length together.
_GROUP_TEXTS = 512
# Padded tokens per run of the model: bounds the attention scores, 16 windows of 256 tokens.
_RUN_TOKENS = 4_096
# An exporter sets this on models whose rows influence each other, such as dynamically quantised
# ones, where one scale serves all rows of a run.
ROWS_PER_RUN = "finerouter.rows_per_run"


@dataclass(frozen=True)
class _Window:
    """A part of a text's tokens, special tokens included, and the row that it adds to."""

    row: int
    ids: list[int]
    weight: int  # tokens of the text itself


@dataclass(frozen=True)
class Windowing:
    """How long texts are laid out in windows.

    Attributes:
        max_tokens: of a window, special tokens included; no more than the model has positions.
        overlap: tokens that two neighbouring windows share, so that no phrase is always torn.
        max_windows: of a text; a longer one is thinned.
    """

    max_tokens: int = 256
    overlap: int = 32
    max_windows: int = 16

    def starts(self, length: int, room: int) -> list[int]:
        """First tokens of the windows of a text of `length` tokens, `room` tokens each."""
        if length <= room:
            return [0]
        # The last window ends with the text, and so is as long as the others.
        every = [*range(0, length - room, room - self.overlap), length - room]
        if len(every) <= self.max_windows:
            return every
        _logger.warning(
            "a text of %d tokens is thinned to %d of its %d windows",
            length,
            self.max_windows,
            len(every),
        )
        chosen = np.linspace(0, len(every) - 1, self.max_windows).round().astype(int)
        return [every[index] for index in chosen]


class TransformerEncoder:
    """Mean-pooled rows of an ONNX model, computed on the CPU by onnxruntime."""

    def __init__(
        self,
        session: InferenceSession,
        tokenizer: Tokenizer,
        windowing: Windowing,
        spec: EncoderSpec,
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._windowing = windowing
        self._spec = spec
        self._inputs = {node.name for node in session.get_inputs()}
        self._rows_per_run = _rows_per_run(session)
        self._prefix, self._suffix = _special_tokens(tokenizer)
        self._unknown = _unknown_id(tokenizer)
        self._room = windowing.max_tokens - len(self._prefix) - len(self._suffix)
        if not 0 <= windowing.overlap < self._room or windowing.max_windows < 2:
            raise ConfigError(
                f"windows of {windowing.max_tokens} tokens leave {self._room} for text; "
                "overlap must be less than that, and max_windows 2 or more"
            )
        self._try_longest_window()

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        max_tokens: int = 256,
        overlap: int = 32,
        max_windows: int = 16,
        model_file: str = "model.onnx",
        name: str | None = None,
        threads: int | None = None,
    ) -> TransformerEncoder:
        """Open an exported model.

        Args:
            folder: holds the model and its `tokenizer.json`.
            max_tokens: of a window; see `Windowing` for this and the next two.
            overlap: tokens that neighbouring windows share.
            max_windows: of a text.
            model_file: the model's path inside the folder.
            name: for the spec; the folder's name by default.
            threads: that onnxruntime may use; it decides by default.

        Raises:
            EncoderError: the extra or a file is missing, or the model cannot be read.
            ConfigError: the sizes contradict each other.
        """
        folder = Path(folder)
        windowing = Windowing(max_tokens, overlap, max_windows)
        session = _open_session(_existing(folder / model_file), threads)
        tokenizer_path = _existing(folder / "tokenizer.json")
        spec = EncoderSpec(
            kind="onnx",
            name=name or folder.resolve().name,
            dim=_output_dim(session, model_file),
            sha256=_weights_sha256(folder / model_file),
            options={
                "folder": str(folder),
                "model_file": model_file,
                "max_tokens": max_tokens,
                "overlap": overlap,
                "max_windows": max_windows,
                "tokenizer_sha256": hashlib.sha256(tokenizer_path.read_bytes()).hexdigest(),
            },
        )
        return cls(session, _read_tokenizer(tokenizer_path), windowing, spec)

    @classmethod
    def from_options(
        cls, options: Mapping[str, Any], *, name: str, folder: Path | str | None = None
    ) -> TransformerEncoder:
        """The encoder whose spec holds these options; `folder` says where it lies now.

        Raises:
            KeyError: an option is missing.
            EncoderError: as `load`.
        """
        return cls.load(
            folder or options["folder"],
            max_tokens=options["max_tokens"],
            overlap=options["overlap"],
            max_windows=options["max_windows"],
            model_file=options["model_file"],
            name=name,
        )

    @property
    def spec(self) -> EncoderSpec:
        """Its identity."""
        return self._spec

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, similar lengths together.

        Returns:
            [texts, dim], unit rows, or zeros where no token is known.
        """
        sums = np.zeros((len(texts), self._spec.dim), np.float32)
        for start in range(0, len(texts), _GROUP_TEXTS):
            windows = list(self._windows(texts[start : start + _GROUP_TEXTS], start))
            means = self._means(windows)
            # Added in the order of the texts: the sum must not depend on how runs were filled.
            for window, mean in zip(windows, means, strict=True):
                sums[window.row] += window.weight * mean
        return unit_rows(sums)

    def _try_longest_window(self) -> None:
        try:
            self._pooled([[0] * self._windowing.max_tokens])
        except Exception as error:  # onnxruntime's errors share no narrower base
            raise EncoderError(
                f"{self._spec.name} cannot encode {self._windowing.max_tokens} tokens at once "
                f"({_one_line(error)}); give a smaller max_tokens, or export the model again"
            ) from error

    def _windows(self, texts: Sequence[str], first_row: int) -> Iterator[_Window]:
        encodings = self._tokenizer.encode_batch_fast(
            [well_formed(text) for text in texts], add_special_tokens=False
        )
        for row, encoding in enumerate(encodings, first_row):
            ids = encoding.ids
            if all(index == self._unknown for index in ids):
                continue
            for start in self._windowing.starts(len(ids), self._room):
                content = ids[start : start + self._room]
                yield _Window(row, [*self._prefix, *content, *self._suffix], len(content))

    def _means(self, windows: list[_Window]) -> NDArray[np.float32]:
        means = np.zeros((len(windows), self._spec.dim), np.float32)
        for run in self._runs([len(window.ids) for window in windows]):
            means[run] = self._pooled([windows[index].ids for index in run])
        return means

    def _runs(self, lengths: list[int]) -> Iterator[list[int]]:
        """Indices of windows to run together: of similar length, and not too many tokens."""
        run: list[int] = []
        for index in sorted(range(len(lengths)), key=lengths.__getitem__):
            full = (len(run) + 1) * lengths[index] > _RUN_TOKENS or len(run) == self._rows_per_run
            if run and full:
                yield run
                run = []
            run.append(index)
        if run:
            yield run

    def _pooled(self, rows: list[list[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (output,) = self._session.run(
            [self._session.get_outputs()[0].name],
            {name: value for name, value in feeds.items() if name in self._inputs},
        )
        if output.ndim == 2:  # the model pools by itself
            return np.asarray(output, np.float32)
        weights = mask.astype(np.float32)
        means: NDArray[np.float32] = np.einsum("rtd,rt->rd", output, weights)
        means /= weights.sum(axis=1, keepdims=True)
        return means


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise EncoderError(f"{path} is missing; name a folder that holds an exported encoder")
    return path


def _open_session(path: Path, threads: int | None) -> InferenceSession:
    # Here and not at the top: the extra is for those who use it.
    try:
        import onnxruntime
    except ImportError as error:
        raise EncoderError(
            "ONNX encoders need onnxruntime: pip install 'finerouter[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 4  # what goes wrong is raised; no need to print it too
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower base
        raise EncoderError(
            f"{path} cannot be opened by onnxruntime ({_one_line(error)}); export it again"
        ) from error


def _read_tokenizer(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise EncoderError(
            f"{path} is no tokenizer ({_one_line(error)}); export it again"
        ) from error
    # Published tokenizers cut and pad by themselves; here windows do that.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _output_dim(session: InferenceSession, model_file: str) -> int:
    dim = session.get_outputs()[0].shape[-1]
    if not isinstance(dim, int):
        raise EncoderError(
            f"{model_file} does not say how long its rows are; export it with a fixed hidden size"
        )
    return dim


def _weights_sha256(model: Path) -> str:
    """Hash of the model file and of the external weights that exporters lay beside it."""
    digest = hashlib.sha256()
    for path in sorted(model.parent.glob(model.name + "*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _rows_per_run(session: InferenceSession) -> int:
    metadata = session.get_modelmeta().custom_metadata_map
    return int(metadata.get(ROWS_PER_RUN, _RUN_TOKENS))


def _special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer puts before and after a text."""
    encoding = tokenizer.encode("a")
    mask = encoding.special_tokens_mask
    before = mask.index(0) if 0 in mask else len(mask)
    after = len(mask) - mask[::-1].index(0) if 0 in mask else len(mask)
    return encoding.ids[:before], encoding.ids[after:]


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    unknown = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None
