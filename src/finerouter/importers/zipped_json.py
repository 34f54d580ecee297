"""JSON files in a zip, also where they are compressed with Zstandard.

Takes an open archive and a name; gives the value. Python's own zipfile knows Zstandard from 3.14
on; Arrow has the codec.
"""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from finerouter.errors import DataError

_ZSTD = 93
_HEADER = 30  # bytes of a local file header before the name; the last four say what follows


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open an archive.

    Raises:
        DataError: it is damaged.
    """
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: not a whole archive ({error}); copy it again") from error


def zipped_json(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    """The value of one member.

    Raises:
        DataError: it is damaged, or compressed in a way nobody here knows.
    """
    info = archive.getinfo(name)
    try:
        return json.loads(
            _zstd(archive, info) if info.compress_type == _ZSTD else archive.read(info)
        )
    except NotImplementedError as error:
        raise DataError(f"{path}: {name}: {error}; save the log as JSON") from error
    except (ValueError, OSError, RecursionError, struct.error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: {name} is damaged ({error}); copy the log again") from error


def _zstd(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Source: the local file header of .ZIP File Format Specification 6.3.10, section 4.3.7."""
    import pyarrow as pa

    file = archive.fp
    if file is None:
        raise OSError("the archive is closed")
    file.seek(info.header_offset)
    name_bytes, extra_bytes = struct.unpack("<HH", file.read(_HEADER)[-4:])
    file.seek(info.header_offset + _HEADER + name_bytes + extra_bytes)
    data: bytes = pa.decompress(
        file.read(info.compress_size), info.file_size, codec="zstd", asbytes=True
    )
    return data
