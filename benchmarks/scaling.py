"""Time and memory of training, from a dataset's own size to 200,000 prompts.

    python -m benchmarks.scaling --data ../shared/data/pool11

Larger sets are copies with a changed word and flipped scores: their outcomes mean nothing, their
size does. Each size is trained in a process of its own, so that its peak memory is its own. Each
stage's growth is compared with that of n log n from the size before: above 1 it grew faster. Time
also grows with what no longer fits the processor's caches; the distances that the neighbour search
computes are counted as well, for they do not depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import faiss
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


def measure(data: Path, size: int) -> dict[str, Any]:
    """Train on `size` prompts in this process; processor seconds of each stage."""
    outcomes = enlarged(OutcomeTable.read(data), size)
    stages: dict[str, float] = {}
    wall = time.perf_counter()
    last = time.process_time()

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        if done == total:
            now = time.process_time()
            stages[stage] = round(now - last, 1)
            last = now

    searched = faiss.cvar.hnsw_stats  # type: ignore[attr-defined]
    searched.reset()
    router = train(outcomes, progress=progress)
    return {
        "prompts": size,
        "train_s": round(time.perf_counter() - wall, 1),
        "cpu_s": round(sum(stages.values()), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "tasks": len(router.tasks),
        "stages_cpu_s": stages,
        "distances_per_search": round(searched.ndis / size),
    }


def growth(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """Growth of each stage's processor time over that of n log n."""
    expected = math.log(large["prompts"]) * large["prompts"]
    expected /= math.log(small["prompts"]) * small["prompts"]
    return {
        stage: round(seconds / max(small["stages_cpu_s"][stage], 0.1) / expected, 2)
        for stage, seconds in large["stages_cpu_s"].items()
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
    over = [
        {"from": small["prompts"], "to": large["prompts"], **growth(small, large)}
        for small, large in pairwise(rows)
    ]
    sys.stdout.writelines(f"{row}\n" for row in over)
    record("scaling", {"data": arguments.data.name, "sizes": rows, "growth_over_n_log_n": over})


if __name__ == "__main__":
    main()
