"""Whether a folder takes files, found out without writing any."""

from __future__ import annotations

import os
from pathlib import Path


def unwritable(folder: Path) -> str:
    """Why nothing can be written in a folder, or in the one that it would be made in; or ""."""
    there = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} takes no new files"
