"""Time and memory of training, from a dataset's own size to 200,000 prompts.

    python -m benchmarks.scaling --data ../shared/data/pool11

Larger sets are copies with a changed word and flipped scores: their outcomes mean nothing, their
size does. Each size is trained in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.machine import record
from finerouter import OutcomeTable
from finerouter.training import train

SIZES = (5_673, 20_000, 60_000, 200_000)


def enlarged(outcomes: OutcomeTable, size: int) -> OutcomeTable:
    """The dataset repeated to `size` prompts, each copy with other words and noisy scores."""
    random = np.random.default_rng(size)
    at = np.arange(size) % len(outcomes)
    prompts = []
    for copy, row in enumerate(at.tolist()):
        words = outcomes.prompts[row].split(" ")
        if copy >= len(outcomes):
            words[int(random.integers(len(words)))] = f"word{copy}"
        prompts.append(" ".join(words))
    repeated = outcomes.rows(at)
    flipped = random.random(repeated.score.shape) < 0.05
    return replace(
        repeated,
        prompt_ids=tuple(f"p{number}" for number in range(size)),
        prompts=tuple(prompts),
        score=np.where(flipped, 1 - repeated.score, repeated.score),
    )


def measure(data: Path, size: int) -> dict[str, float]:
    """Train on `size` prompts in this process."""
    outcomes = enlarged(OutcomeTable.read(data), size)
    stages: dict[str, float] = {}
    started = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        if done == total:
            stages[stage] = round(time.perf_counter() - started, 1)

    router = train(outcomes, progress=progress)
    return {
        "prompts": size,
        "train_s": round(time.perf_counter() - started, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "tasks": len(router.tasks),
        **{f"until_{stage}_s": seconds for stage, seconds in stages.items()},
    }


def main() -> None:
    """Measure every size, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/pool11"))
    parser.add_argument("--size", type=int, help="measure this size only, print JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    arguments = parser.parse_args()
    if arguments.size:
        sys.stdout.write(json.dumps(measure(arguments.data, arguments.size)) + "\n")
        return
    rows = []
    for size in arguments.sizes:
        command = [sys.executable, "-m", "benchmarks.scaling", "--data", str(arguments.data)]
        done = subprocess.run(
            [*command, "--size", str(size)], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(done.stdout))
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
    record("scaling", {"data": arguments.data.name, "sizes": rows})


if __name__ == "__main__":
    main()
