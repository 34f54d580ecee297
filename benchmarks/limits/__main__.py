"""Runs the analyses, prints and records their figures.

    python -m benchmarks.limits size labels noise
    python -m benchmarks.limits encoders --transformer FOLDER

FOLDER holds all-MiniLM-L6-v2 as ONNX; `recipes/static_encoder/build.py` says where its weights come
from, and `recipes/onnx_encoder/build.py` exports them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.limits.analyses import SIZES, encoders, labels, noise, size
from benchmarks.limits.bench import Bench
from benchmarks.machine import record

HERE = Path(__file__).parent


def main() -> None:
    """Run, print, record."""
    given = _arguments()
    out = Console(stderr=True)

    @cache
    def bench(name: str) -> Bench:
        return Bench(given.data / name, given.seeds, out)

    analyses: dict[str, Callable[[Bench], dict[str, Any]]] = {
        "size": size,
        "labels": labels,
        "noise": noise,
        "encoders": lambda on: encoders(on, given.transformer, given.cache),
    }
    for analysis in given.analyses:
        # The encoders are compared where costs differ; the other dataset has none to save.
        names = ("pool11",) if analysis == "encoders" else given.datasets
        figures = {name: analyses[analysis](bench(name)) for name in names}
        record(f"limits_{analysis}", {"seeds": given.seeds, "figures": figures})
        out.print(analysis, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    choices = ("size", "labels", "noise", "encoders")
    parser.add_argument("analyses", nargs="+", choices=choices)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="of datasets")
    parser.add_argument("--datasets", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[5000, 5001])
    parser.add_argument("--transformer", type=Path, help="folder with model.onnx")
    parser.add_argument("--cache", type=Path, default=HERE.parent / ".cache")
    return parser.parse_args()


if __name__ == "__main__":
    main()
