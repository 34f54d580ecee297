"""The loops of the command line: cells -> collect -> cells, and probes -> collect -> join."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.joining import joined_models
from tests.cli.running import Finished, finerouter, quick_config
from tests.loopback import Call, LoopbackUpstream

MODEL = """
[[models]]
model = "NAME"
endpoint = "here"
input_usd_per_mtok = 1
output_usd_per_mtok = 2
parameters = { max_tokens = 100 }
"""
# Of every prompt, all that a grader may need; the last has none of it.
ROWS: list[dict[str, object]] = [
    {"prompt_id": f"q{at}", "prompt": f"What is {at} plus {at}?", "reference": 2 * at}
    | ({"grader": "numeric"} if at % 2 else {"grader": "contains", "benchmark": "words"})
    for at in range(60)
] + [{"prompt_id": "bad", "prompt": "What is nothing?", "grader": "numeric"}]


@pytest.fixture(autouse=True)
def files(server: LoopbackUpstream, tmp_path: Path) -> None:
    server.answer = answer
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    write_pool(server, tmp_path, "small", "large")


def write_pool(server: LoopbackUpstream, folder: Path, *names: str) -> None:
    models = "".join(MODEL.replace("NAME", name) for name in names)
    (folder / "pool.toml").write_text(f'[endpoints.here]\nbase_url = "{server.url}"\n{models}')


def answer(call: Call) -> str:
    """The large model can add, the newcomer can add what is odd, the small one below 20."""
    number = int(call.prompt.split()[2])
    able = {"large": True, "small": number < 20, "newcomer": number % 2 == 1}
    return f"It is {2 * number}." if able[str(call.body["model"])] else "It is 1000001."


def cells(folder: Path, *options: object) -> Finished:
    pool = ("--pool", folder / "pool.toml", "--bad-rows", "0.05")
    return finerouter("cells", folder / "prompts.jsonl", *pool, *options)


def collect(folder: Path, *options: object) -> Finished:
    return finerouter(
        *("collect", folder / "prompts.jsonl", "--pool", folder / "pool.toml"),
        *("--grader", "by-row", "--bad-rows", "0.05", "--out", folder / "data", "--json", *options),
    )


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def known(folder: Path) -> set[tuple[str, str]]:
    table = OutcomeTable.read(folder / "data")
    found = np.argwhere(~np.isnan(table.score))
    return {(table.prompt_ids[row], table.models[column]) for row, column in found}


def test_cells_are_collected_batch_by_batch_into_one_dataset(server, tmp_path: Path) -> None:
    wanted: set[tuple[str, str]] = set()
    tried: list[object] = []
    for batch in range(3):
        out = tmp_path / f"cells-{batch}.jsonl"
        so_far = ("--outcomes", tmp_path / "data") if batch else ()
        chosen = cells(tmp_path, *so_far, *tried, "--count", 15, "--out", out)
        assert chosen.code == 0, chosen.err
        assert f"next: finerouter collect {tmp_path / 'prompts.jsonl'} --only {out}" in chosen.err
        tried += ["--tried", out]
        batch_cells = {(row["prompt_id"], row["model"]) for row in lines(out)}
        assert not batch_cells & wanted
        wanted |= batch_cells
        done = collect(tmp_path, "--only", out)
        assert done.code == 0, done.err
        of_bad = {cell for cell in batch_cells if cell[0] == "bad"}
        assert (f"{out}: left out {len(of_bad)} rows" in done.err) == bool(of_bad)
        assert done.json["calls"] == done.json["wanted_scored"] == len(batch_cells - of_bad)
        assert known(tmp_path) == {cell for cell in wanted if cell[0] != "bad"}
    assert len(server.requests) == len(known(tmp_path)) > 30
    assert max(server.billed.values()) == 1
    # All of it, for the price of the rest; nothing that was known is asked.
    whole = collect(tmp_path)
    assert (whole.json["scored"], len(server.requests)) == (120, 120)


def test_an_estimate_is_of_the_cells_wanted_alone(server, tmp_path: Path) -> None:
    only = tmp_path / "only.jsonl"
    only.write_text('{"prompt_id": "q1", "model": "large"}\n{"prompt_id": "q2"}\n')
    asked = collect(tmp_path, "--only", only, "--estimate").json["models"]
    assert [(model["model"], model["calls"]) for model in asked] == [("small", 1), ("large", 2)]
    assert not server.requests
    assert collect(tmp_path, "--only", only).json["scored"] == 3
    after = collect(tmp_path, "--only", only, "--estimate").json["models"]
    assert [(model["calls"], model["known"]) for model in after] == [(0, 1), (0, 2)]


def test_outcomes_that_no_journal_knows_are_not_lost(tmp_path: Path) -> None:
    only = tmp_path / "only.jsonl"
    only.write_text('{"prompt_id": "q1"}\n')
    assert collect(tmp_path, "--only", only).code == 0
    elsewhere = ("--journal", tmp_path / "other.sqlite")
    refused = collect(tmp_path, "--only", only, *elsewhere)
    assert refused.code == 2
    assert "knows nothing of, and --only would lose them" in refused.err
    assert known(tmp_path) == {("q1", "small"), ("q1", "large")}


def test_a_file_of_other_prompts_is_refused(server, tmp_path: Path) -> None:
    only = tmp_path / "only.jsonl"
    only.write_text('{"prompt_id": "elsewhere"}\n')
    done = collect(tmp_path, "--only", only)
    assert done.code == 2
    assert "1 of 1 rows are bad" in done.err
    assert "prompt 'elsewhere' is not among the prompts" in done.err
    assert not server.requests


def test_probes_are_collected_and_the_newcomer_joins(server, tmp_path: Path) -> None:
    data, router, wider = (tmp_path / name for name in ("data", "router", "wider"))
    assert collect(tmp_path).code == 0
    trained = finerouter("train", data, "--out", router, "--config", quick_config(tmp_path))
    assert trained.code == 0, trained.err
    write_pool(server, tmp_path, "small", "large", "newcomer")
    probes = tmp_path / "probes.jsonl"
    chosen = finerouter(
        *("probes", router, data, "--model", "newcomer", "--count", 20, "--out", probes)
    )
    assert chosen.code == 0, chosen.err
    assert f"--only {probes}" in chosen.err
    server.requests.clear()
    done = collect(tmp_path, "--only", probes)
    assert done.code == 0, done.err
    assert (done.json["wanted"], done.json["wanted_scored"]) == (20, 20)
    assert {call.body["model"] for call in server.requests} == {"newcomer"}
    assert len(server.requests) == 20
    assert len(known(tmp_path)) == 120 + 20
    joined = finerouter(
        *("join", router, "newcomer", "--pool", tmp_path / "pool.toml", "--outcomes", data),
        *("--out", wider, "--json"),
    )
    assert joined.code == 0, joined.err
    assert joined.json["probes"] == 20
    assert joined_models(Router.load(wider))[0]["model"] == "newcomer"
    scores = OutcomeTable.read(data)
    own = scores.score[:, scores.models.index("newcomer")]
    odd = np.array([int(text.split()[2]) % 2 for text in scores.prompts])
    np.testing.assert_array_equal(own[~np.isnan(own)], odd[~np.isnan(own)])
