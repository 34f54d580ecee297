"""ulab LLMRouter: routing JSONL, one answer a line; also vLLM Semantic Router's training JSONL.

Fields `query, model_name, performance`, `task_name` (there `category`), and tokens as
`input_tokens` or `prompt_tokens`, `output_tokens` or `completion_tokens`. `token_num` is their sum
and of no use here. Sources: https://github.com/ulab-uiuc/LLMRouter,
https://github.com/vllm-project/semantic-router
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import first_of, records, split_of


def _fits(seen: Peek) -> bool:
    return seen.has("query", "model_name", "performance")


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".jsonl", ".json", ".csv", ".parquet"):
        split = split_of(file)
        for place, record in records(file, findings):
            yield Row(
                place,
                record.get("query"),
                record.get("model_name"),
                record.get("performance"),
                first_of(record, "input_tokens", "prompt_tokens"),
                first_of(record, "output_tokens", "completion_tokens"),
                benchmark=first_of(record, "task_name", "category"),
                split=split,
            )


FORMAT = Format(
    name="llmrouter",
    summary="ulab LLMRouter and vLLM Semantic Router JSONL, one answer a line",
    expects="query, model_name and performance on each line",
    fits=_fits,
    read=_read,
)
