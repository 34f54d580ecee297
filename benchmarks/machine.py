"""What a benchmark ran on, and where its record goes."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finerouter.version import __version__

RESULTS = Path(__file__).parent / "results"


def describe() -> dict[str, Any]:
    """Processor, cores, versions and date."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "finerouter": __version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def record(name: str, figures: dict[str, Any], *, folder: Path = RESULTS) -> Path:
    """Write figures with the machine's description to `benchmarks/results/NAME.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"machine": describe(), **figures}, indent=1) + "\n", "utf-8")
    return path


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
