"""A router on disk: `manifest.json` and `tensors.safetensors`, nothing executable.

Takes and gives plain JSON values and named arrays; the same values give the same bytes. Knows no
class above it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import ArtifactError
from finerouter.version import __version__

FORMAT = 1
# The first release that reads this format, told to older ones.
NEEDS = "0.1.0"
MANIFEST = "manifest.json"
TENSORS = "tensors.safetensors"

Tensors = Mapping[str, NDArray[np.generic]]


def save_artifact(folder: Path, content: Mapping[str, Any], tensors: Tensors) -> None:
    """Write an artifact, atomically; an earlier one of that name is replaced.

    Args:
        folder: to be made.
        content: JSON values.
        tensors: arrays by name.

    Raises:
        OutputError: it cannot be written; nothing is left half-written.
    """
    # Here, and so below: a served router writes nothing, and this makes its import faster.
    from safetensors.numpy import save

    from finerouter.atomic import atomic_folder

    # Sorted and contiguous: the bytes must depend on the values alone.
    data = save({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})
    manifest = {
        "format": FORMAT,
        "needs_finerouter": NEEDS,
        "tensors_sha256": hashlib.sha256(data).hexdigest(),
        "content": content,
    }
    manifest["manifest_sha256"] = _digest(manifest)
    with atomic_folder(folder, marker=MANIFEST) as out:
        (out / TENSORS).write_bytes(data)
        (out / MANIFEST).write_bytes(_written(manifest).encode())


def check_output(folder: Path) -> None:
    """Check, before training, that a router may be written there.

    Raises:
        OutputError: the folder holds something that is no router.
    """
    from finerouter.atomic import check_replaceable

    check_replaceable(folder, MANIFEST)


def load_artifact(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
    """Read an artifact and check that it is whole.

    Raises:
        ArtifactError: no artifact, a damaged one, or one of a newer format; names the file, or
            the version that is needed.
    """
    manifest = _read_manifest(folder / MANIFEST)
    path = folder / TENSORS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); train again") from error
    if hashlib.sha256(data).hexdigest() != manifest.get("tensors_sha256"):
        raise ArtifactError(
            f"{path}: is damaged (its SHA-256 is not that of the manifest); copy it again or train"
        )
    from safetensors.numpy import load

    return manifest["content"], load(data)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
        manifest = json.loads(text)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); give a folder made by finerouter train"
        ) from error
    except ValueError as error:
        raise ArtifactError(f"{path}: is damaged ({error}); copy it again or train") from error
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ArtifactError(f"{path}: is not a router's manifest; train one")
    _check_format(path, manifest)
    written = _written(manifest)
    expected = manifest.pop("manifest_sha256", None)
    # Byte for byte: a flip inside white space changes no value, but this is not what was written.
    if text != written or expected != _digest(manifest):
        raise ArtifactError(
            f"{path}: was changed or is damaged (its own SHA-256 does not fit); copy it again or "
            "train. To change prices, give a pool file instead of editing the manifest"
        )
    return manifest


def _check_format(path: Path, manifest: Mapping[str, Any]) -> None:
    found = manifest["format"]
    if found == FORMAT:
        return
    if isinstance(found, int) and found > FORMAT:
        raise ArtifactError(
            f"{path}: has format {found}, which needs finerouter "
            f"{manifest.get('needs_finerouter', '(a newer version)')} or newer; this is "
            f"{__version__}. Upgrade: pip install -U finerouter"
        )
    raise ArtifactError(
        f"{path}: has format {found!r}, and finerouter {__version__} reads format {FORMAT}; "
        "train the router again"
    )


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(manifest).encode()).hexdigest()


def _written(manifest: Mapping[str, Any]) -> str:
    return _canonical(manifest, indent=1) + "\n"


def _canonical(value: object, indent: int | None = None) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent, allow_nan=False)
