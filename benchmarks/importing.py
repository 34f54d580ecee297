"""Time and peak memory of importing a million rows, for formats of every kind of file.

    python -m benchmarks.importing

The rows are made up, of the formats' published shapes: prompts of 40 to 80 words, each asked of
ten models, or one prompt a row where a format is wide. Battles are a tenth as many, for each of
their prompts has to be embedded. Each import runs in a process of its own, so that its peak memory
is its own, and writes its routing dataset. `cpu_s` is what the process itself computed; on a busy
machine the rest of `import_s` is waiting.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import record

ROWS = 1_000_000
MODELS = [f"maker/model-{number}" for number in range(10)]
_WORDS = [
    "river",
    "stone",
    "cloud",
    "lamp",
    "garden",
    "window",
    "ticket",
    "marble",
    "engine",
    "how",
    "many",
    "what",
    "is",
    "the",
    "of",
    "a",
    "write",
    "find",
    "prove",
    "sum",
    "letter",
    "word",
    "number",
    "line",
    "code",
    "plus",
]


def prompts(count: int) -> Iterator[str]:
    """Prompts of 40 to 80 words, no two alike."""
    random = np.random.default_rng(0)
    words = random.choice(_WORDS, size=4096).tolist()
    for number in range(count):
        begin, length = int(random.integers(4000)), int(random.integers(40, 80))
        yield f"{number} {' '.join(words[begin : begin + length])}"


def outcomes(rows: int) -> Iterator[tuple[str, str, float]]:
    """So many rows of prompt, model, score."""
    score = 0
    for text in prompts(-(-rows // len(MODELS))):
        for model in MODELS:
            score = (score * 1_103_515_245 + 12_345) % (1 << 31)
            yield text, model, float(score >> 30)


def table_csv(path: Path, rows: int) -> Path:
    """The plain long table."""
    path = path / "outcomes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "model", "score", "input_tokens", "output_tokens", "cost_usd"])
        writer.writerows((*row, 80, 200, 0.001) for row in outcomes(rows))
    return path


def table_parquet(path: Path, rows: int) -> Path:
    """The same as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("prompt", "model", "score")
    columns = zip(*outcomes(rows), strict=True)
    pq.write_table(
        pa.table(dict(zip(names, map(list, columns), strict=True))), path / "outcomes.parquet"
    )
    return path / "outcomes.parquet"


def _jsonl(path: Path, lines: Iterator[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
    return path


def llmrouter(path: Path, rows: int) -> Path:
    """One answer a line."""
    return _jsonl(
        path / "routing_data.jsonl",
        (
            {
                "task_name": "made-up",
                "query": text,
                "model_name": model,
                "response": "an answer of some words " * 8,
                "input_tokens": 80,
                "output_tokens": 200,
                "performance": score,
            }
            for text, model, score in outcomes(rows)
        ),
    )


def lm_eval(path: Path, rows: int) -> Path:
    """A file a model, joined by document."""
    texts = list(prompts(rows // len(MODELS)))
    for number, model in enumerate(MODELS):
        folder = path / "results" / model.replace("/", "__")
        folder.mkdir(parents=True)
        _jsonl(
            folder / "samples_made_2025-01-01T00-00-00.0.jsonl",
            (
                {
                    "doc_id": at,
                    "doc": {"question": text},
                    "arguments": {"gen_args_0": {"arg_0": text, "arg_1": {"until": []}}},
                    "resps": [["an answer of some words " * 8]],
                    "filter": "none",
                    "metrics": ["exact_match"],
                    "doc_hash": f"doc{at}",
                    "exact_match": float((at * 31 + number) % 3 == 0),
                }
                for at, text in enumerate(texts)
            ),
        )
    return path / "results"


def routerdc(path: Path, rows: int) -> Path:
    """A list of prompts with the scores of ten models each: ten million outcomes."""
    file = path / "made_train.json"
    with file.open("w", encoding="utf-8") as out:
        out.write("[")
        for number, text in enumerate(prompts(rows)):
            scores = {model: (number * 31 + at) % 2 for at, model in enumerate(MODELS)}
            out.write(("," if number else "") + json.dumps({"question": text, "scores": scores}))
        out.write("]")
    return file


def arena(path: Path, rows: int) -> Path:
    """A battle a row."""
    file = path / "battles.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(
            ["id", "model_a", "model_b", "prompt", "winner_model_a", "winner_model_b", "winner_tie"]
        )
        for number, text in enumerate(prompts(rows // 10)):
            one, other = MODELS[number % 10], MODELS[(number + 1 + number // 10 % 9) % 10]
            won = number * 7 % 3
            writer.writerow(
                [number, one, other, json.dumps([text]), *(int(won == at) for at in range(3))]
            )
    return file


SOURCES: dict[str, tuple[str, Callable[[Path, int], Path]]] = {
    "table, CSV": ("table", table_csv),
    "table, Parquet": ("table", table_parquet),
    "llmrouter, JSONL": ("llmrouter", llmrouter),
    "lm-eval, ten runs": ("lm-eval", lm_eval),
    "routerdc, JSON list of ten models": ("routerdc", routerdc),
    "arena, CSV of battles": ("arena", arena),
}


def peak_bytes() -> int:
    """Most memory this process held at once.

    Not ru_maxrss: that begins with what the parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text("utf-8")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def measure(name: str, source: Path, out: Path) -> dict[str, Any]:
    """Import in this process."""
    from finerouter.importers import import_outcomes

    began, computed = time.perf_counter(), time.process_time()
    imported = import_outcomes(name, source)
    imported.write(out)
    seconds, cpu = time.perf_counter() - began, time.process_time() - computed
    report = imported.report
    return {
        "rows": report.rows,
        "outcomes": report.outcomes,
        "prompts": report.prompts,
        "import_s": round(seconds, 1),
        "cpu_s": round(cpu, 1),
        "peak_gb": round(peak_bytes() / 1e9, 2),
    }


def main() -> None:
    """Measure every source, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--only", help="measure sources whose name holds this; records nothing")
    parser.add_argument("--measure", nargs=3, metavar=("FORMAT", "SOURCE", "OUT"))
    arguments = parser.parse_args()
    if arguments.measure:
        name, source, out = arguments.measure
        sys.stdout.write(json.dumps(measure(name, Path(source), Path(out))) + "\n")
        return
    figures = {}
    for title, (name, write) in SOURCES.items():
        if arguments.only and arguments.only not in title:
            continue
        with tempfile.TemporaryDirectory() as folder:
            source = write(Path(folder), arguments.rows)
            command = [sys.executable, "-m", "benchmarks.importing", "--measure"]
            done = subprocess.run(
                [*command, name, str(source), f"{folder}/data"],
                check=True,
                capture_output=True,
                text=True,
            )
        figures[title] = json.loads(done.stdout)
        sys.stdout.write(f"{title}: {figures[title]}\n")
        sys.stdout.flush()
    if not arguments.only:
        record("importing", {"niceness": os.nice(0), "sources": figures})


if __name__ == "__main__":
    main()
