"""A small made-up file of every format, in the exact shape in which it is published.

All but the preferences say the same: of two prompts and two models, one outcome is 0 and one is
missing. So what every format promises can be tested once, for all of them.
"""

from __future__ import annotations

import csv
import json
import pickle
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finerouter.importers import Choices

SUM, RHYME, BROKEN = "What is 2 + 2?", "Write a line about rain.", "What is broken here?"
SMALL, LARGE = "small/one", "large-two"
EXPECTED = {(SUM, SMALL): 1.0, (SUM, LARGE): 0.0, (RHYME, LARGE): 0.5}


@dataclass(frozen=True)
class Example:
    """A source of one format.

    Attributes:
        format: the name that a user types.
        write: makes the files in a folder, with a bad row if asked; gives the path to import.
        bad_place: how a message names the bad row.
        choices: what has to be said about it.
        tokens: input and output tokens of SUM by SMALL, None where the format has none.
        cost_usd: what that cost, None where the format does not say.
        benchmark: what the format says of SUM.
        models: names of SMALL and LARGE, where a format has its own.
    """

    format: str
    write: Callable[[Path, bool], Path]
    bad_place: str
    choices: Callable[[Path], Choices] = lambda _: Choices()
    tokens: tuple[float, float] | None = None
    cost_usd: float | None = None
    benchmark: str | None = None
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.format


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")
    return path


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_pickle(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value))
    return path


def routerbench(folder: Path, bad: bool) -> Path:
    models = (SMALL, LARGE)
    header = ["", "sample_id", "prompt", "eval_name", *models]
    header += [f"{model}|model_response" for model in models]
    header += [f"{model}|total_cost" for model in models]
    header += ["oracle_model_to_route_to"]
    rows = [
        [7, "maths.val.0", f"['{SUM}']", "maths", 1.0, 0.0, "['4']", "['5']", 0.001, 0.02, SMALL],
        [8, "verse.val.0", f'["{RHYME}"]', "verse", "", 0.5, "", "['Drip.']", "", 0.03, LARGE],
    ]
    if bad:
        rows.append([9, "x.val.0", f"['{BROKEN}']", "x", "oops", "1", "a", "b", 0.1, 0.1, SMALL])
    return write_csv(folder / "maths_verse.csv", header, rows)


def llmrouterbench(folder: Path, bad: bool) -> Path:
    def record(index: int, query: str, score: Any) -> dict[str, Any]:
        return {
            "index": index,
            "origin_query": query,
            "prompt": f"Answer the question.\n{query}",
            "prediction": "4",
            "ground_truth": "4",
            "score": score,
            "prompt_tokens": 30,
            "completion_tokens": 5,
            "cost": 0.001,
            "raw_output": ["4"],
        }

    def run(model: str, stamp: str, records: list[Any], demo: bool = False) -> None:
        whole = {
            "performance": 0.5,
            "time_taken": 1.5,
            "prompt_tokens": 60,
            "completion_tokens": 10,
            "cost": 0.002,
            "counts": len(records),
            "model_name": model,
            "dataset_name": "maths",
            "split": "test",
            "demo": demo,
            "records": records,
        }
        path = folder / "bench" / "maths" / "test" / model.replace("/", "_") / f"{stamp}.json"
        write_json(path, whole)

    run(SMALL, "20250101_000000", [record(0, SUM, 0.0)])
    run(SMALL, "20250201_000000", [record(0, SUM, 1.0), record(1, RHYME, None)])
    run(SMALL, "20250301_000000", [record(0, SUM, 0.0)], demo=True)
    run(LARGE, "20250201_000000", [record(0, SUM, 0.0), record(1, RHYME, 0.5)])
    if bad:
        run("third", "20250201_000000", [record(0, BROKEN, "oops")])
    return folder / "bench"


def avengers(folder: Path, bad: bool) -> Path:
    def usage(cost: float, tokens: int) -> dict[str, float]:
        return {"cost": cost, "prompt_tokens": tokens, "completion_tokens": tokens // 6}

    rows: list[Any] = [
        {
            "query": SUM,
            "dataset": "maths",
            "index": 0,
            "records": {SMALL: 1.0, LARGE: 0.0},
            "usages": {SMALL: usage(0.001, 30), LARGE: usage(0.02, 30)},
        },
        {
            "query": RHYME,
            "dataset": "verse",
            "index": 0,
            # As the published adaptor fills in a model that was never run.
            "records": {SMALL: 0.0, LARGE: 0.5},
            "usages": {SMALL: usage(0.0, 0), LARGE: usage(0.03, 30)},
        },
    ]
    if bad:
        rows.append({"query": BROKEN, "dataset": "x", "index": 0, "records": {SMALL: "oops"}})
    return write_jsonl(folder / "all.jsonl", rows)


def routerarena_cache(folder: Path, bad: bool) -> Path:
    def line(model: str, index: str, question: str, score: Any, success: bool = True) -> Any:
        judged = {
            "extracted_answer": "4",
            "ground_truth": "4",
            "score": score,
            "metric": "math_metric",
            "inference_cost": 0.001,
        }
        return {
            "global_index": index,
            "question": question,
            "llm_selected": model,
            "generated_answer": "4",
            "token_usage": {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35},
            "success": success,
            "provider": "here",
            "error": None if success else "timeout",
            "batch_size": 1,
            "processing_mode": "single_inference",
            "evaluation_result": judged,
        }

    small = [
        line(SMALL, "ma_ths_0", SUM, 1.0),
        # The published scorer gives a call that failed 0 points; it was never answered.
        line(SMALL, "verse_0", RHYME, 0.0, success=False),
    ]
    large = [line(LARGE, "ma_ths_0", SUM, 0.0), line(LARGE, "verse_0", RHYME, 0.5)]
    if bad:
        small.append(line(SMALL, "x_0", BROKEN, "oops"))
    write_jsonl(folder / "cached_results" / "small_one.jsonl", small)
    write_jsonl(folder / "cached_results" / "large-two.jsonl", large)
    return folder / "cached_results"


def routerarena_predictions(folder: Path, bad: bool) -> Path:
    def item(name: str, index: str, model: str, accuracy: Any, success: bool = True) -> Any:
        usage = {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35}
        return {
            name: index,
            "prompt": {"ma_ths_0": SUM, "verse_0": RHYME}.get(index, BROKEN),
            "prediction": model,
            "generated_result": {"generated_answer": "4", "success": success, "token_usage": usage},
            "cost": 0.001,
            "accuracy": accuracy,
            "for_optimality": False,
        }

    items = [
        item("global index", "ma_ths_0", SMALL, 1.0),
        item("global_index", "ma_ths_0", LARGE, 0.0),
        item("global index", "verse_0", SMALL, 0.0, success=False),
        item("global index", "verse_0", LARGE, 0.5),
    ]
    if bad:
        items.append(item("global index", "x_0", SMALL, "oops"))
    return write_json(folder / "my-router.json", items)


def embedllm(folder: Path, bad: bool) -> Path:
    header = ["prompt_id", "model_id", "category_id", "label", "model_name", "category"]
    rows: list[list[Any]] = [
        [0, 0, 0, 1, SMALL, "maths"],
        [0, 1, 0, 0, LARGE, "maths"],
        [1, 0, 1, "", SMALL, "verse"],
        [1, 1, 1, 0.5, LARGE, "verse"],
    ]
    if bad:
        rows.append([1, 0, 1, "oops", SMALL, "verse"])
    write_csv(
        folder / "embedllm" / "question_order.csv", ["prompt_id", "prompt"], [[0, SUM], [1, RHYME]]
    )
    write_csv(folder / "embedllm" / "train.csv", header, rows)
    return folder / "embedllm"


def routerdc(folder: Path, bad: bool) -> Path:
    items: list[Any] = [
        {"question": SUM, "scores": {SMALL: 1.0, LARGE: 0}, "cluster_id": 3},
        {"question": RHYME, "scores": {LARGE: 0.5}},
    ]
    if bad:
        items.append({"question": BROKEN, "scores": {SMALL: "oops", LARGE: 1}})
    return write_json(folder / "maths_train.json", items)


def sprout(folder: Path, bad: bool) -> Path:
    def answer(score: Any) -> dict[str, Any]:
        return {
            "response": "4",
            "score": score,
            "num_input_tokens": 30,
            "num_output_tokens": 5,
        }

    rows = [
        {"key": "a", "dataset": "maths", "prompt": SUM, SMALL: answer(1.0), LARGE: answer(0.0)},
        {"key": "b", "dataset": "verse", "prompt": RHYME, SMALL: answer(None), LARGE: answer(0.5)},
    ]
    if bad:
        rows.append(
            {"key": "c", "dataset": "x", "prompt": "", SMALL: answer(1.0), LARGE: answer(1.0)}
        )
    path = folder / "train-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def sprout_arrays(folder: Path, bad: bool) -> Path:
    held = {
        "Q_train": [SUM, RHYME, *[""] * bad],
        "Q_test": [],
        "X_train": np.zeros((2, 3)),
        "Y_train": np.array([[1.0, 0.0], [np.nan, 0.5], *[[1.0, 1.0]] * bad]),
        "IT_train": np.array([[30, 30], [30, 30], *[[1, 1]] * bad]),
        "OT_train": np.array([[5, 5], [5, 5], *[[1, 1]] * bad]),
        "models": [SMALL, LARGE],
    }
    path = folder / "sprout_data_train_test.npy"
    np.save(path, held, allow_pickle=True)
    return path


def carrot(folder: Path, bad: bool) -> Path:
    names = ["open-llm-leaderboard/small__one-details", "open-llm-leaderboard/large-two-details"]

    def task(scores: list[list[float]]) -> dict[str, Any]:
        return {"correctness": np.array(scores), "models": names}

    held = {
        "maths": task([[1.0, *[1.0] * bad], [0.0, *[1.0] * bad]]),
        "mmlu_pro": {"verse": task([[np.nan], [0.5]])},
    }
    texts = {"maths": {"Qs": [SUM, *[""] * bad], "Ps": [SUM]}, "verse": {"Qs": [RHYME]}}
    write_json(folder / "data_QA.json", texts)
    return write_pickle(folder / "leaderboard" / "processed.pickle", held)


def routereval(folder: Path, bad: bool) -> Path:
    held = {
        "model": [SMALL, LARGE],
        "prompt": {"train_prompt": [SUM], "val_prompt": [], "test_prompt": [RHYME, *[""] * bad]},
        "data": {
            "train_score": np.array([[1.0, 0.0]]),
            "val_score": np.zeros((0, 2)),
            "test_score": np.array([[np.nan, 0.5], *[[1.0, 1.0]] * bad]),
            "train_embed": np.zeros((1, 4)),
        },
    }
    return write_pickle(folder / "maths.pkl", held)


def routereval_arrays(folder: Path, bad: bool) -> Path:
    path = folder / "maths.npz"
    np.savez(
        path,
        train_score=np.array([[1.0, 0.0]]),
        test_score=np.array([[np.nan, 0.5], *[[1.0, 1.0]] * bad]),
        train_prompt=np.array([SUM]),
        test_prompt=np.array([RHYME, *[""] * bad]),
        models=np.array([SMALL, LARGE]),
    )
    return path


def routereval_board(folder: Path, bad: bool) -> Path:
    held = {
        "data": {
            "maths": {"correctness": np.array([[1.0, 0.0]])},
            "verse": {"correctness": np.array([[np.nan, 0.5], *[[1.0, 1.0]] * bad])},
        },
        "models": [SMALL, LARGE],
    }
    texts = {"maths": np.array([SUM]), "verse": np.array([RHYME, *[""] * bad])}
    write_pickle(folder / "prompts" / "leaderboard_prompt.pkl", texts)
    return write_pickle(folder / "board" / "leaderboard_score.pkl", held)


def llmrouter(folder: Path, bad: bool) -> Path:
    def line(query: str, task: str, model: str, performance: Any) -> dict[str, Any]:
        return {
            "task_name": task,
            "query": query,
            "ground_truth": "4",
            "metric": "em",
            "choices": None,
            "task_id": None,
            "model_name": model,
            "response": "4",
            "token_num": 35,
            "input_tokens": 30,
            "output_tokens": 5,
            "response_time": 0.5,
            "performance": performance,
            "embedding_id": 0,
        }

    rows = [
        line(SUM, "maths", SMALL, 1.0),
        line(SUM, "maths", LARGE, 0.0),
        line(RHYME, "verse", SMALL, None),
        line(RHYME, "verse", LARGE, 0.5),
    ]
    if bad:
        rows.append(line(BROKEN, "x", SMALL, "oops"))
    return write_jsonl(folder / "routing_train_data.jsonl", rows)


def semantic_router(folder: Path, bad: bool) -> Path:
    def line(query: str, category: str, model: str, performance: Any) -> dict[str, Any]:
        return {
            "query": query,
            "category": category,
            "ground_truth": "4",
            "metric": "em",
            "choices": "",
            "model_name": model,
            "performance": performance,
            "response_time": 0.5,
        }

    rows = [
        line(SUM, "maths", SMALL, 1),
        line(SUM, "maths", LARGE, 0),
        line(RHYME, "verse", LARGE, 0.5),
    ]
    if bad:
        rows.append(line(BROKEN, "x", SMALL, "oops"))
    return write_jsonl(folder / "benchmark.jsonl", rows)


def notdiamond(folder: Path, bad: bool) -> Path:
    header = [
        "Input",
        *(f"{model}/{end}" for model in (SMALL, LARGE) for end in ("response", "score")),
    ]
    rows = [[SUM, "4", 1, "5", 0], [RHYME, "", "", "Drip.", 0.5]]
    if bad:
        rows.append([BROKEN, "a", "oops", "b", 1])
    return write_csv(folder / "evaluation_data.csv", header, rows)


def nvidia(folder: Path, bad: bool) -> Path:
    def item(number: int, prompt: str, scores: dict[str, Any]) -> dict[str, Any]:
        item = {"idx": number, "prompt": prompt, "answer": "4", "images": []}
        return {**item, "model_scores": scores}

    items = [item(0, SUM, {SMALL: 1, LARGE: 0}), item(1, RHYME, {SMALL: None, LARGE: 0.5})]
    if bad:
        items.append(item(2, BROKEN, {SMALL: "oops"}))
    return write_json(folder / "train.json", items)


def lm_eval(folder: Path, bad: bool) -> Path:
    def line(number: int, text: str, exact: Any, filter_: str = "strict-match") -> dict[str, Any]:
        return {
            "doc_id": number,
            "doc": {"question": text, "answer": "4"},
            "target": "4",
            "arguments": {"gen_args_0": {"arg_0": text, "arg_1": {"until": ["\n"]}}},
            "resps": [["4"]],
            "filtered_resps": ["4"],
            "filter": filter_,
            "metrics": ["exact_match"],
            "doc_hash": f"doc{number}",
            "prompt_hash": f"prompt{hash(text)}",
            "target_hash": "four",
            "exact_match": exact,
        }

    small = [line(0, SUM, 1.0), line(0, SUM, 0.25, "flexible-extract")]
    large = [line(0, SUM, 0.0), line(1, RHYME, 0.5), line(1, RHYME, 1.0, "flexible-extract")]
    if bad:
        small.append(line(2, BROKEN, "oops"))
    date = "2025-01-01T10-00-00.000000"
    write_jsonl(folder / "results" / "small__one" / f"samples_maths_{date}.jsonl", small)
    write_jsonl(folder / "results" / "other" / f"samples_maths_{date}.jsonl", large)
    write_json(folder / "results" / "other" / f"results_{date}.json", {"model_name": LARGE})
    return folder / "results"


def _inspect_log(model: str, samples: list[Any]) -> dict[str, Any]:
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "here/maths",
            "model": model,
            "dataset": {"name": "maths"},
            "created": "2025-01-01T10:00:00+00:00",
            "model_generate_config": {},
        },
        "samples": samples,
    }


def _inspect_sample(
    number: int, text: Any, value: Any, model: str, epoch: int = 1, error: Any = None
) -> dict[str, Any]:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 35,
        "input_tokens_cache_read": 20,
        "input_tokens_cache_write": None,
        "reasoning_tokens": 2,
        "total_cost": 0.001,
    }
    judge = {"input_tokens": 900, "output_tokens": 900, "total_tokens": 1800}
    return {
        "id": number,
        "epoch": epoch,
        "input": text,
        "choices": None,
        "target": "4",
        "output": {"model": model, "choices": []},
        "scores": {"match": {"value": value, "answer": "4", "explanation": "because"}},
        "model_usage": {"judge": judge, model: usage},
        "total_time": 1.5,
        "error": error,
    }


def _inspect_samples(bad: bool) -> tuple[list[Any], list[Any]]:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": RHYME}]
    small = [
        _inspect_sample(0, SUM, "C", SMALL),
        _inspect_sample(1, chat, "I", SMALL, error={"message": "timeout"}),
    ]
    large = [
        _inspect_sample(0, SUM, "I", LARGE),
        _inspect_sample(1, chat, "C", LARGE),
        _inspect_sample(1, chat, "I", LARGE, epoch=2),
    ]
    if bad:
        small.append(_inspect_sample(7, BROKEN, "oops", SMALL))
    return small, large


def inspect_json(folder: Path, bad: bool) -> Path:
    small, large = _inspect_samples(bad)
    write_json(folder / "logs" / "2025_maths_a.json", _inspect_log(SMALL, small))
    write_json(folder / "logs" / "2025_maths_b.json", _inspect_log(LARGE, large))
    return folder / "logs"


def inspect_zip(folder: Path, bad: bool) -> Path:
    (folder / "logs").mkdir()
    for model, samples in zip((SMALL, LARGE), _inspect_samples(bad), strict=True):
        log = _inspect_log(model, [])
        del log["samples"]
        path = folder / "logs" / f"2025_maths_{model.replace('/', '-')}.eval"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("_journal/start.json", json.dumps(log))
            for sample in samples:
                name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
                archive.writestr(name, json.dumps(sample))
            archive.writestr("summaries.json", "[]")
            archive.writestr("header.json", json.dumps(log))
    return folder / "logs"


def _promptfoo_results(bad: bool) -> list[Any]:
    def result(text: str, model: str, score: Any, failure: int = 0) -> dict[str, Any]:
        error = {0: None, 1: "Expected output to contain 4", 2: "API call error: timeout"}[failure]
        return {
            "cost": 0.001,
            "error": error,
            "failureReason": failure,
            "gradingResult": None if failure == 2 else {"pass": not failure, "score": score},
            "id": "a1",
            "latencyMs": 500,
            "namedScores": {"brevity": 0.75},
            "prompt": {"raw": text, "label": "{{question}}"},
            "promptId": "b2",
            "promptIdx": 0,
            "provider": {"id": model, "label": ""},
            "response": {"output": "4", "tokenUsage": {"total": 35, "prompt": 30, "completion": 5}},
            "score": score,
            "success": failure == 0,
            "testCase": {"vars": {"question": text}, "description": "maths"},
            "testIdx": 0,
            "tokenUsage": {"total": 35, "prompt": 30, "completion": 5, "cached": 0},
            "vars": {"question": text},
        }

    results = [
        result(SUM, SMALL, 1),
        result(SUM, LARGE, 0, failure=1),
        result(RHYME, SMALL, 0, failure=2),
        result(RHYME, LARGE, 0.5),
    ]
    return results + [result(BROKEN, SMALL, "oops")] * bad


def promptfoo(folder: Path, bad: bool) -> Path:
    whole = {
        "evalId": "eval-abc",
        "results": {"version": 3, "timestamp": "2025", "results": _promptfoo_results(bad)},
        "config": {},
        "shareableUrl": None,
    }
    return write_json(folder / "results.json", whole)


def promptfoo_lines(folder: Path, bad: bool) -> Path:
    return write_jsonl(folder / "results.jsonl", _promptfoo_results(bad))


def litellm(folder: Path, bad: bool) -> Path:
    def line(request: str, model: str, text: str, score: Any) -> dict[str, Any]:
        return {
            "request_id": request,
            "call_type": "acompletion",
            "api_key": "hashed",
            "spend": 0.001,
            "total_tokens": 35,
            "prompt_tokens": 30,
            "completion_tokens": 5,
            "startTime": "2025-01-01T10:00:00Z",
            "model": f"provider/{model}",
            "model_group": model,
            "cache_hit": "False",
            "metadata": {"user_score": score} if score is not None else {},
            "messages": [{"role": "user", "content": text}],
        }

    rows = [
        line("r1", SMALL, SUM, 1.0),
        line("r2", LARGE, SUM, 0.0),
        line("r3", SMALL, RHYME, None),
        line("r4", LARGE, RHYME, 0.5),
    ]
    if bad:
        rows.append(line("r5", SMALL, BROKEN, "oops"))
    return write_json(folder / "spend.json", rows)


def litellm_scored(folder: Path, bad: bool) -> Path:
    """The same without prompts and scores in the log."""
    path = litellm(folder, bad)
    rows = json.loads(path.read_text("utf-8"))
    scores = [[row["request_id"], row["metadata"].get("user_score", "")] for row in rows]
    prompts = [[row["request_id"], row["messages"][0]["content"]] for row in rows]
    write_csv(folder / "scores.csv", ["request_id", "score"], scores)
    write_csv(folder / "prompts.csv", ["request_id", "prompt"], prompts)
    header = ["request_id", "model", "model_group", "spend", "prompt_tokens", "completion_tokens"]
    header += ["cache_hit", "messages"]
    cells = [[*(row[name] for name in header[:-1]), "{}"] for row in rows]
    return write_csv(folder / "spend.csv", header, cells)


def openai_batch(folder: Path, bad: bool) -> Path:
    def request(custom: str, text: str) -> dict[str, Any]:
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
        return {
            "custom_id": custom,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "any", "messages": messages},
        }

    def output(custom: str, model: str, status: int = 200) -> dict[str, Any]:
        body = {
            "id": "c1",
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": "4"}}],
            "usage": {"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35},
        }
        failed = {"code": "server_error"} if status != 200 else None
        return {
            "id": "b1",
            "custom_id": custom,
            "response": {"status_code": status, "request_id": "x", "body": body},
            "error": failed,
        }

    write_jsonl(
        folder / "requests.jsonl", [request("q1", SUM), request("q2", RHYME), request("q3", BROKEN)]
    )
    scores = [["q1", SMALL, 1], ["q1", LARGE, 0], ["q2", SMALL, 0], ["q2", LARGE, 0.5]]
    scores += [["q3", SMALL, "oops"]]
    write_csv(folder / "scores.csv", ["custom_id", "model", "score"], scores)
    small = [output("q1", SMALL), output("q2", SMALL, 500), *[output("q3", SMALL)] * bad]
    write_jsonl(folder / "outputs" / "small.jsonl", small)
    write_jsonl(folder / "outputs" / "two.jsonl", [output("q1", LARGE), output("q2", LARGE)])
    return folder / "outputs"


def long_table(folder: Path, bad: bool) -> Path:
    header = [
        "Question",
        "model",
        "grade",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "benchmark",
    ]
    rows = [
        [SUM, SMALL, 1, 30, 5, 0.001, "maths"],
        [SUM, LARGE, 0, 30, 5, 0.02, "maths"],
        [RHYME, SMALL, "", "", "", "", "verse"],
        [RHYME, LARGE, 0.5, "", "", "", "verse"],
    ]
    if bad:
        rows.append([BROKEN, SMALL, "oops", 1, 1, 1, "x"])
    return write_csv(folder / "outcomes.csv", header, rows)


def wide_table(folder: Path, bad: bool) -> Path:
    rows = [
        {
            "prompt": SUM,
            "benchmark": "maths",
            f"{SMALL}_score": 1.0,
            f"{LARGE}_score": 0.0,
            f"{SMALL}_cost": 0.001,
            f"{LARGE}_cost": 0.02,
        },
        {"prompt": RHYME, "benchmark": "verse", f"{SMALL}_score": None, f"{LARGE}_score": 0.5},
    ]
    if bad:
        rows.append({"prompt": " ", "benchmark": "x", f"{SMALL}_score": 1.0})
    path = folder / "wide.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def arena(folder: Path, bad: bool) -> Path:
    header = ["id", "model_a", "model_b", "prompt", "response_a", "response_b"]
    header += ["winner_model_a", "winner_model_b", "winner_tie"]
    rows: list[list[Any]] = [
        [1, SMALL, LARGE, json.dumps([SUM]), '["4"]', '["5"]', 1, 0, 0],
        [2, LARGE, "third", json.dumps([RHYME]), '["a"]', '["b"]', 0, 0, 1],
    ]
    if bad:
        rows.append([3, SMALL, LARGE, json.dumps([BROKEN]), '["a"]', '["b"]', 0, 0, 0])
    return write_csv(folder / "battles.csv", header, rows)


EXAMPLES = (
    Example("routerbench", routerbench, "line 4", cost_usd=0.001, benchmark="maths"),
    Example(
        "llmrouterbench",
        llmrouterbench,
        "third/20250201_000000.json: record 1",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="maths",
    ),
    Example("avengers", avengers, "line 3", tokens=(30, 5), cost_usd=0.001, benchmark="maths"),
    Example(
        "routerarena",
        routerarena_cache,
        "small_one.jsonl: line 3",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="ma_ths",
    ),
    Example(
        "routerarena",
        routerarena_predictions,
        "item 5",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="ma_ths",
        label="routerarena-predictions",
    ),
    Example("embedllm", embedllm, "train.csv: line 6", benchmark="maths"),
    Example("routerdc", routerdc, "item 3", benchmark="maths"),
    Example("sprout", sprout, "row 3", tokens=(30, 5), benchmark="maths"),
    Example("sprout", sprout_arrays, "train prompt 3", tokens=(30, 5), label="sprout-arrays"),
    Example(
        "carrot",
        carrot,
        "maths item 2",
        choices=lambda folder: Choices(prompts=folder / "data_QA.json"),
        benchmark="maths",
    ),
    Example("routereval", routereval, "test prompt 2", benchmark="maths"),
    Example(
        "routereval", routereval_arrays, "test prompt 2", benchmark="maths", label="routereval-npz"
    ),
    Example(
        "routereval",
        routereval_board,
        "verse prompt 2",
        choices=lambda folder: Choices(prompts=folder / "prompts" / "leaderboard_prompt.pkl"),
        benchmark="maths",
        label="routereval-leaderboard",
    ),
    Example("llmrouter", llmrouter, "line 5", tokens=(30, 5), benchmark="maths"),
    Example("llmrouter", semantic_router, "line 4", benchmark="maths", label="semantic-router"),
    Example("notdiamond", notdiamond, "line 4"),
    Example("nvidia", nvidia, "item 3"),
    Example("lm-eval", lm_eval, "line 3", benchmark="maths"),
    Example(
        "inspect",
        inspect_json,
        "sample 7 epoch 1",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="maths",
        label="inspect-json",
    ),
    Example(
        "inspect",
        inspect_zip,
        "sample 7 epoch 1",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="maths",
        label="inspect-eval",
    ),
    Example("promptfoo", promptfoo, "result 5", tokens=(30, 5), cost_usd=0.001, benchmark="maths"),
    Example(
        "promptfoo",
        promptfoo_lines,
        "line 5",
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="maths",
        label="promptfoo-lines",
    ),
    Example(
        "litellm",
        litellm,
        "item 5",
        choices=lambda _: Choices(columns={"score": "metadata.user_score"}),
        tokens=(30, 5),
        cost_usd=0.001,
    ),
    Example(
        "litellm",
        litellm_scored,
        "line 6",
        choices=lambda folder: Choices(
            scores=folder / "scores.csv", prompts=folder / "prompts.csv"
        ),
        tokens=(30, 5),
        cost_usd=0.001,
        label="litellm-scores",
    ),
    Example(
        "openai-batch",
        openai_batch,
        "small.jsonl: line 3",
        choices=lambda folder: Choices(
            scores=folder / "scores.csv", prompts=folder / "requests.jsonl"
        ),
        tokens=(30, 5),
    ),
    Example(
        "table",
        long_table,
        "line 6",
        choices=lambda _: Choices(columns={"prompt": "Question", "score": "grade"}),
        tokens=(30, 5),
        cost_usd=0.001,
        benchmark="maths",
        label="table-long",
    ),
    Example(
        "table",
        wide_table,
        "row 3",
        choices=lambda _: Choices(columns={"score": "*_score", "cost_usd": "*_cost"}),
        cost_usd=0.001,
        benchmark="maths",
        label="table-wide",
    ),
    Example("arena", arena, "line 4"),
)
