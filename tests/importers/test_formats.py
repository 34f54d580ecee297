"""The traps of single formats: what their own tools get wrong, or leave to the reader."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finerouter import OutcomeTable
from finerouter.errors import ConfigError, DataError
from finerouter.importers import Choices, Imported, Rules, import_outcomes
from finerouter.importers.messages import prompt_text
from finerouter.importers.scale import Scale
from tests import synthetic
from tests.importers import examples
from tests.importers.examples import (
    BROKEN,
    LARGE,
    RHYME,
    SMALL,
    SUM,
    write_csv,
    write_json,
    write_jsonl,
    write_pickle,
)


def notes(imported: Imported) -> str:
    return "\n".join(imported.report.warnings)


def score(table: OutcomeTable, prompt: str, model: str) -> float:
    return float(table.score[table.prompts.index(prompt), table.models.index(model)])


# RouterBench


def test_routerbench_takes_no_oracle_for_a_model_and_unpacks_lists(tmp_path: Path) -> None:
    header = ["prompt", "eval_name", "a", "a|total_cost", "oracle_model_to_route_to"]
    rows = [
        ["['one', \"it's two\"]", "x", 1, 0.1, "a"],
        ["[not a list", "x", 1, 0.1, "a"],
        ["plain", "x", 1, 0.1, "a"],
    ]
    table = import_outcomes("routerbench", write_csv(tmp_path / "r.csv", header, rows)).table
    assert table.models == ("a",)
    assert table.prompts == ("one\n\nit's two", "[not a list", "plain")


# LLMRouterBench


def test_llmrouterbench_says_which_runs_it_left_out(tmp_path: Path) -> None:
    report = import_outcomes("llmrouterbench", examples.llmrouterbench(tmp_path, False)).report
    assert report.skipped == {"demo runs": 1, "runs that a later one replaced": 1}
    assert report.missing == 1


def test_llmrouterbench_is_named_by_its_folders_where_the_file_says_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bench" / "maths" / "train" / "some-model" / "20250101.json"
    write_json(path, {"records": [{"origin_query": SUM, "score": 1}]})
    table = import_outcomes("llmrouterbench", tmp_path / "bench").table
    assert (table.models, table.benchmarks) == (("some-model",), ("maths",))


# Avengers


def test_avengers_keeps_a_zero_that_was_paid_for(tmp_path: Path) -> None:
    line = {
        "query": SUM,
        "dataset": "maths",
        "records": {"free": 0.0, "filled": 0.0, "unknown": 0.0, "good": 1.0},
        "usages": {
            "free": {"cost": 0, "prompt_tokens": 9, "completion_tokens": 1},
            "filled": {"cost": 0, "prompt_tokens": 0, "completion_tokens": 0},
        },
    }
    imported = import_outcomes("avengers", write_jsonl(tmp_path / "a.jsonl", [line]))
    assert imported.table.models == ("free", "unknown", "good")
    assert imported.table.score.tolist() == [[0.0, 0.0, 1.0]]
    assert imported.report.skipped == {"outcomes of score 0, cost 0 and no tokens (never run)": 1}


# RouterArena


def test_routerarena_predictions_can_take_their_prompts_from_the_dataset(tmp_path: Path) -> None:
    items = [{"global index": "A_1", "prediction": "m", "accuracy": 1.0, "cost": 0.1}]
    path = write_json(tmp_path / "router.json", items)
    rows = [{"Global Index": "A_1", "Question": SUM, "Context": "", "Options": []}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    choices = Choices(prompts=tmp_path / "data.parquet")
    assert import_outcomes("routerarena", path, choices=choices).table.prompts == (SUM,)


# EmbedLLM


def test_embedllm_uses_its_questions_and_passes_its_other_files(tmp_path: Path) -> None:
    folder = examples.embedllm(tmp_path, False)
    assert notes(import_outcomes("embedllm", folder)) == ""
    write_csv(folder / "model_order.csv", ["model_id", "model_name"], [[0, SMALL], [1, LARGE]])
    assert "left out 1 files of another shape, such as model_order.csv" in notes(
        import_outcomes("embedllm", folder)
    )


# RouterDC


def test_routerdc_scores_stay_as_published_unless_asked(tmp_path: Path) -> None:
    choice = [{"question": SUM, "scores": {"a": 0.97, "b": 0}}]
    shares = [{"question": RHYME, "scores": {"a": 0.3, "b": 1.0}}]
    write_json(tmp_path / "rdc" / "arc_train.json", choice)
    write_json(tmp_path / "rdc" / "gsm8k-train.json", shares)
    as_published = import_outcomes("routerdc", tmp_path / "rdc")
    assert as_published.table.score.tolist() == [[0.97, 0.0], [0.3, 1.0]]
    assert "probabilities of the right option; --metric correct" in notes(as_published)
    asked = import_outcomes("routerdc", tmp_path / "rdc", choices=Choices(metric="correct"))
    assert asked.table.score.tolist() == [[1.0, 0.0], [0.3, 1.0]]
    assert "probabilities" not in notes(asked)
    assert asked.table.benchmarks == ("arc", "gsm8k")
    with pytest.raises(ConfigError, match="score and correct, not 'acc'"):
        import_outcomes("routerdc", tmp_path / "rdc", choices=Choices(metric="acc"))


DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.skipif(not (DATA / "open7").is_dir(), reason="no recorded outcomes at ../shared/data")
def test_outcomes_in_the_shape_of_routerdc_come_back_whole(tmp_path: Path) -> None:
    """Open7 derives from RouterDC: put back into its shape, it must be imported as it is."""
    open7 = OutcomeTable.read(DATA / "open7")
    for benchmark in dict.fromkeys(open7.benchmarks):
        items = [
            {
                "question": open7.prompts[row],
                "scores": dict(zip(open7.models, open7.score[row].tolist(), strict=True)),
            }
            for row in range(len(open7))
            if open7.benchmarks[row] == benchmark
        ]
        write_json(tmp_path / "rdc" / f"{benchmark}_train.json", items)
    imported = import_outcomes("routerdc", tmp_path / "rdc")
    assert imported.report.bad_rows == imported.report.repeated == 0
    table = imported.table.select_models(open7.models)
    at = [open7.prompts.index(text) for text in table.prompts[::500]]
    assert len(table) == len(open7) == 14_397
    np.testing.assert_array_equal(table.score[::500], open7.score[at])
    assert table.score.mean() == pytest.approx(open7.score.mean())
    assert [open7.benchmarks[row] for row in at] == list(table.benchmarks[::500])
    # Multiple-choice scores of open7 are 1 or 0 already.
    assert "probabilities" not in notes(imported)


# SPROUT and CARROT


def test_sprout_names_the_splits_of_its_files(tmp_path: Path) -> None:
    answer = {"response": "x", "score": 1.0, "num_input_tokens": 1, "num_output_tokens": 1}
    for split in ("train", "test"):
        path = tmp_path / "sprout" / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist([{"prompt": SUM, "a": answer, "b": answer}]), path)
    (shared,) = import_outcomes("sprout", tmp_path / "sprout").report.shared_prompts
    assert (set(shared.splits), shared.prompts) == ({"train", "test"}, 1)


def test_carrot_needs_the_prompts_of_this_very_file(tmp_path: Path) -> None:
    path = examples.carrot(tmp_path, False)
    with pytest.raises(DataError, match=r"has no prompts; give --prompts data_QA.json"):
        import_outcomes("carrot", path)
    for content, words in (
        ({"maths": {"Qs": []}}, "scores .2, 1., but 2 models and 0 prompts"),
        ({}, '"maths": .*"Qs"'),
    ):
        other = write_json(tmp_path / "other.json", content)
        with pytest.raises(DataError, match=words):
            import_outcomes("carrot", path, choices=Choices(prompts=other))


# RouterEval


def test_routereval_without_prompts_or_names(tmp_path: Path) -> None:
    held = {"train_score": np.ones((2, 3)), "train_embed": np.zeros((2, 4))}
    path = write_pickle(tmp_path / "arc.pkl", held)
    with pytest.raises(DataError, match="no prompts of train; give --prompts"):
        import_outcomes("routereval", path)
    prompts = write_json(tmp_path / "prompts.json", {"train_prompt": [SUM, RHYME]})
    imported = import_outcomes("routereval", path, choices=Choices(prompts=prompts))
    assert imported.table.models == ("model-1", "model-2", "model-3")
    assert "names no models" in notes(imported)
    short = write_json(tmp_path / "short.json", {"train_prompt": [SUM]})
    with pytest.raises(DataError, match=r"scores \(2, 3\), but 1 prompts"):
        import_outcomes("routereval", path, choices=Choices(prompts=short))


def test_an_npz_with_a_pickle_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, train_score=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"not a plain \.npz"):
        import_outcomes("routereval", path)


# Preferences


def test_a_conversation_of_an_arena_is_its_users_turns(tmp_path: Path) -> None:
    line = battle("a", "b", "tie", json.dumps(["one", "two"]))
    chat = [{"role": "user", "content": "three"}, {"role": "assistant", "content": "x"}]
    other = battle("a", "b", "tie", "", conversation_a=chat)
    table = import_outcomes("arena", write_json(tmp_path / "a.json", [line, other])).table
    assert table.prompts == ("one\n\ntwo", "three")


def battle(first: str, second: str, winner: str, text: str = SUM, **more: Any) -> dict[str, Any]:
    return {"model_a": first, "model_b": second, "winner": winner, "prompt": text, **more}


def test_battles_become_scores_of_the_two_models_only(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names, strength = ["weak", "middle", "strong"], np.array([-1.0, 0.0, 1.0])
    battles = []
    for number in range(900):
        one, other = random.choice(3, 2, replace=False)
        won = random.random() < 1 / (1 + np.exp(strength[other] - strength[one]))
        winner = ("tie" if number % 10 == 0 else "model_a") if won else "model_b"
        battles.append(battle(names[one], names[other], winner, f"Question number {number}?"))
    imported = import_outcomes("arena", write_json(tmp_path / "a.json", battles))
    table = imported.table
    assert table.score.shape == (900, 3)
    assert (np.isnan(table.score).sum(axis=1) == 1).all()
    means = dict(zip(table.models, np.nanmean(table.score, axis=0), strict=True))
    chance = {
        name: np.mean(
            [1 / (1 + np.exp(strength[other] - strength[at])) for other in range(3) if other != at]
        )
        for at, name in enumerate(names)
    }
    for name in names:
        assert means[name] == pytest.approx(chance[name], abs=0.06)
    assert "chance to be preferred" in notes(imported)


def test_neighbourhoods_may_rank_models_differently(tmp_path: Path) -> None:
    """The same opponents all along, but each model wins in its own kind of prompt."""
    battles = []
    for number in range(400):
        text = f"Translate the number {number} into German, French and Greek."
        battles.append(battle("linguist", "coder", "model_a", text))
        text = f"def add_{number}(a, b): return a + b + {number}  # find the bug in this code"
        battles.append(battle("linguist", "coder", "model_b", text))
    table = import_outcomes("arena", write_json(tmp_path / "a.json", battles)).table
    words = np.array([text.startswith("Translate") for text in table.prompts])
    linguist = table.score[:, table.models.index("linguist")]
    assert linguist[words].min() > 0.9
    assert linguist[~words].max() < 0.1


def test_battles_name_their_winner_in_many_ways(tmp_path: Path) -> None:
    battles = [
        battle("a", "b", "model_a", "one"),
        battle("a", "b", "b", "two"),
        battle("a", "b", "tie (bothbad)", "three"),
        battle("a", "b", "nobody", "four"),
        battle("a", "a", "model_a", "five"),
        battle("a", "b", "tie", ""),
    ]
    path = write_json(tmp_path / "a.json", battles)
    imported = import_outcomes("arena", path, rules=Rules(max_bad=0.5))
    assert imported.report.bad_rows == 3
    first = imported.table.score[:, imported.table.models.index("a")]
    assert first[0] > 0.5 > first[1]
    assert first[2] == pytest.approx(0.5, abs=0.05)


def test_battles_of_routellm_take_their_prompts_by_index(tmp_path: Path) -> None:
    battles = [{"idx": 0, "model_a": "a", "model_b": "b", "winner": "model_a"}]
    path = write_json(tmp_path / "pairs.json", battles)
    with pytest.raises(DataError, match=r"no battle with a prompt.*item 1.*; give --prompts FILE"):
        import_outcomes("arena", path)
    of_others = write_jsonl(tmp_path / "others.jsonl", [{"idx": 7, "prompt": SUM}])
    with pytest.raises(DataError, match="has no prompt, nor has --prompts one of idx 0"):
        import_outcomes("arena", path, choices=Choices(prompts=of_others))
    prompts = write_jsonl(tmp_path / "prompts.jsonl", [{"idx": 0, "prompt": SUM}])
    table = import_outcomes("arena", path, choices=Choices(prompts=prompts)).table
    assert table.prompts == (SUM,)


# Not Diamond


def test_notdiamond_asks_for_the_prompt_column(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "n.csv", ["Task text", "m/score"], [[SUM, 1]])
    with pytest.raises(DataError, match="--column prompt=NAME"):
        import_outcomes("notdiamond", path)
    choices = Choices(columns={"prompt": "Task text"})
    assert import_outcomes("notdiamond", path, choices=choices).table.prompts == (SUM,)
    with pytest.raises(DataError, match="has no column 'Task'"):
        import_outcomes("notdiamond", path, choices=Choices(columns={"prompt": "Task"}))


def test_notdiamond_takes_no_router_for_a_model_and_reads_costs(tmp_path: Path) -> None:
    header = ["prompt", "session_id", "notdiamond/score", "notdiamond/cost", "m/score", "m/cost"]
    path = write_csv(tmp_path / "eval.csv", header, [[SUM, "s", 1, 0.2, 1, 0.1]])
    table = import_outcomes("notdiamond", path).table
    assert (table.models, table.cost_usd.tolist()) == (("m",), [[0.1]])


# lm-evaluation-harness


def lm_line(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "doc_id": number,
        "doc": {"question": text.removeprefix("<chat>")},
        "arguments": {"gen_args_0": {"arg_0": text}, "gen_args_1": {"arg_0": "other"}},
        "resps": [["x"]],
        "filter": "none",
        "doc_hash": f"d{number}",
        "metrics": ["acc", "acc_norm"],
        "acc": 1.0,
        "acc_norm": 0.0,
        **more,
    }


def test_lm_eval_joins_runs_by_document_where_chat_templates_differ(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "r" / "one" / "samples_arc_2025-01-01T00-00-00.1.jsonl", [lm_line(0, SUM)]
    )
    chat = lm_line(0, f"<chat>{SUM}", acc=0.0)
    write_jsonl(tmp_path / "r" / "two" / "samples_arc_2025-01-01T00-00-00.2.jsonl", [chat])
    imported = import_outcomes("lm-eval", tmp_path / "r")
    assert imported.table.prompts == (SUM,)
    assert imported.table.score.tolist() == [[1.0, 0.0]]
    assert "joined by document" in notes(imported)
    assert "has the metrics acc, acc_norm; acc was read" in notes(imported)


def test_lm_eval_reads_the_metric_and_prompt_that_were_asked_for(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r" / "m" / "samples_arc.jsonl", [lm_line(0, f"<chat>{SUM}")])
    choices = Choices(metric="acc_norm", columns={"prompt": "doc.question"}, model="mine")
    table = import_outcomes("lm-eval", path, choices=choices).table
    assert (table.prompts, table.models, table.score.tolist()) == ((SUM,), ("mine",), [[0.0]])
    with pytest.raises(DataError, match="1 lines of tasks without the metric f1"):
        import_outcomes("lm-eval", path, choices=Choices(metric="f1"))


def test_lm_eval_choices_leave_tasks_alone_that_have_none(tmp_path: Path) -> None:
    folder = tmp_path / "r" / "m"
    plain = {**lm_line(0, SUM), "metrics": ["acc"]}
    write_jsonl(folder / "samples_a.jsonl", [plain])
    filtered = [
        lm_line(0, RHYME, filter="strict", acc=0.0),
        lm_line(0, RHYME, filter="flexible", acc=0.5),
    ]
    write_jsonl(folder / "samples_b.jsonl", filtered)
    table = import_outcomes("lm-eval", folder, choices=Choices(filter="flexible")).table
    assert table.score.tolist() == [[1.0], [0.5]]
    imported = import_outcomes("lm-eval", folder, choices=Choices(metric="acc_norm"))
    assert imported.table.prompts == (RHYME,)
    assert imported.report.skipped["lines of tasks without the metric acc_norm"] == 1


def test_lm_eval_reads_one_filter_and_says_so(tmp_path: Path) -> None:
    lines = [
        lm_line(0, SUM, filter="strict", acc=0.0),
        lm_line(0, SUM, filter="flexible", acc=1.0),
    ]
    path = write_jsonl(tmp_path / "r" / "m" / "samples_arc.jsonl", lines)
    imported = import_outcomes("lm-eval", path)
    assert imported.table.score.tolist() == [[0.0]]
    assert imported.report.skipped == {"lines of another answer filter": 1}
    assert "several answer filters; strict was read" in notes(imported)
    asked = import_outcomes("lm-eval", path, choices=Choices(filter="flexible"))
    assert asked.table.score.tolist() == [[1.0]]


def test_lm_eval_takes_the_latest_of_two_runs_and_old_shapes(tmp_path: Path) -> None:
    folder = tmp_path / "r" / "org__model"
    old = lm_line(0, SUM, acc=0.0)
    new = {**lm_line(0, SUM), "arguments": [[SUM, {"until": []}]]}
    del new["metrics"], new["acc_norm"]
    write_jsonl(folder / "samples_arc_2025-01-01T00-00-00.000001.jsonl", [old])
    write_jsonl(folder / "samples_arc_2025-02-01T00-00-00.000001.jsonl", [new])
    imported = import_outcomes("lm-eval", tmp_path / "r")
    assert imported.table.score.tolist() == [[1.0]]
    assert imported.table.models == ("org/model",)
    assert imported.report.skipped == {"runs that a later one replaced": 1}


def test_lm_eval_metrics_without_a_number_for_each_prompt_are_bad_rows(tmp_path: Path) -> None:
    lines = [lm_line(0, SUM, metrics=["bleu"], bleu=["a reference", "an answer"])]
    path = write_jsonl(tmp_path / "r" / "m" / "samples_wmt.jsonl", lines)
    with pytest.raises(DataError, match=r"score is .*, not a number"):
        import_outcomes("lm-eval", path)


# Inspect


def inspect_log(folder: Path, samples: list[dict[str, Any]], **run: Any) -> Path:
    whole = {"eval": {"task": "t", "model": "m", **run}, "samples": samples}
    return write_json(folder / "log.json", whole)


def sample(value: Any, **more: Any) -> dict[str, Any]:
    scores = {"match": {"value": value}}
    return {"id": 1, "epoch": 1, "input": SUM, "scores": scores, **more}


@pytest.mark.parametrize(
    ("value", "number"),
    [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), (True, 1), (0.25, 0.25), ("0.25", 0.25), ("yes", 1)],
)
def test_inspect_values_are_what_inspect_takes_them_for(
    tmp_path: Path, value: Any, number: float
) -> None:
    table = import_outcomes("inspect", inspect_log(tmp_path, [sample(value)])).table
    assert table.score.tolist() == [[number]]


def test_inspect_epochs_are_repeats(tmp_path: Path) -> None:
    samples = [sample(value, epoch=epoch) for epoch, value in enumerate("CCIC", 1)]
    imported = import_outcomes("inspect", inspect_log(tmp_path, samples))
    assert (imported.table.score.tolist(), imported.repeats.tolist()) == ([[0.75]], [[4]])


def test_inspect_reasoning_effort_is_another_arm(tmp_path: Path) -> None:
    for effort in ("low", "high"):
        config = {"reasoning_effort": effort}
        (tmp_path / "logs" / effort).mkdir(parents=True)
        inspect_log(tmp_path / "logs" / effort, [sample("C")], model_generate_config=config)
    started = inspect_log(tmp_path / "logs", [sample("C")])
    log = json.loads(started.read_text("utf-8"))
    log["plan"] = {"config": {"reasoning_effort": "medium"}}
    write_json(started, log)
    models = import_outcomes("inspect", tmp_path / "logs").table.models
    assert models == ("m@high", "m@medium", "m@low")


def test_inspect_choices_are_part_of_the_prompt(tmp_path: Path) -> None:
    path = inspect_log(tmp_path, [sample("C", choices=["three", "four"])])
    assert import_outcomes("inspect", path).table.prompts == (f"{SUM}\n\nA) three\nB) four",)


def test_inspect_reads_the_scorer_that_was_asked_for(tmp_path: Path) -> None:
    scores = {"first": {"value": "C"}, "judge": {"value": {"style": 0.25, "facts": 0.75}}}
    path = inspect_log(tmp_path, [{"id": 1, "epoch": 1, "input": SUM, "scores": scores}])
    imported = import_outcomes("inspect", path)
    assert imported.table.score.tolist() == [[1.0]]
    assert "the scorers are first, judge; first was read" in notes(imported)
    for metric, value in (("judge.facts", 0.75), ("judge", 0.25)):
        asked = import_outcomes("inspect", path, choices=Choices(metric=metric))
        assert asked.table.score.tolist() == [[value]]
    with pytest.raises(DataError, match="without a score"):
        import_outcomes("inspect", path, choices=Choices(metric="none"))


def test_inspect_logs_that_broke_off_keep_what_they_have(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps({"eval": {"task": "t", "model": "m"}}))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample("C")))
        archive.writestr("samples/2_epoch_1.json", json.dumps(sample("C", scores=None)))
    imported = import_outcomes("inspect", path)
    assert imported.table.score.tolist() == [[1.0]]
    assert imported.report.skipped == {"samples without scores": 1}


def test_inspect_logs_in_zstandard_are_read(tmp_path: Path) -> None:
    """As Inspect writes them by now, and Python's zipfile cannot read them before 3.14."""
    header = {"eval": {"task": "t", "model": "m"}}
    members = {"header.json": header, "samples/1_epoch_1.json": sample("C", note="x" * 9_000)}
    path = tmp_path / "log.eval"
    path.write_bytes(zstd_zip({name: json.dumps(value) for name, value in members.items()}))
    with zipfile.ZipFile(path) as archive:
        assert {item.compress_type for item in archive.infolist()} == {93}
    assert import_outcomes("inspect", path).table.score.tolist() == [[1.0]]
    path.write_bytes(path.read_bytes().replace(b"\x28\xb5\x2f\xfd", b"\x00\x00\x00\x00"))
    with pytest.raises(DataError, match=r"header\.json is damaged"):
        import_outcomes("inspect", path)


def zstd_zip(members: dict[str, str]) -> bytes:
    """A zip whose members are compressed by method 93."""
    local, central = b"", b""
    for name, text in members.items():
        data = pa.compress(text.encode(), codec="zstd", asbytes=True)
        crc = zlib.crc32(text.encode())
        common = struct.pack(
            "<HHHHHIIIHH", 63, 0, 93, 0, 0, crc, len(data), len(text), len(name), 0
        )
        central += b"PK\x01\x02\x3f\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, len(local))
        central += name.encode()
        local += b"PK\x03\x04" + common + name.encode() + data
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


def test_damaged_inspect_logs_are_refused(tmp_path: Path) -> None:
    whole = examples.inspect_zip(tmp_path, False)
    path = next(whole.glob("*.eval"))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="not a whole archive"):
        import_outcomes("inspect", path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples/1.json", "{}")
    with pytest.raises(DataError, match=r"has no header\.json"):
        import_outcomes("inspect", path)


# promptfoo, LiteLLM, OpenAI batch


def test_promptfoo_named_scores_and_variables_can_be_asked_for(tmp_path: Path) -> None:
    path = examples.promptfoo(tmp_path, False)
    choices = Choices(metric="brevity", columns={"prompt": "vars.question"})
    imported = import_outcomes("promptfoo", path, choices=choices)
    assert score(imported.table, SUM, LARGE) == 0.75
    assert imported.report.skipped == {"calls that failed": 1}


def test_promptfoo_costs_that_nobody_told_are_unknown(tmp_path: Path) -> None:
    path = examples.promptfoo(tmp_path, False)
    path.write_text(path.read_text("utf-8").replace('"cost": 0.001', '"cost": 0'), "utf-8")
    assert np.isnan(import_outcomes("promptfoo", path).table.cost_usd).all()


def test_litellm_says_that_scores_are_needed_and_cache_hits_have_no_price(tmp_path: Path) -> None:
    row = {
        "request_id": "r",
        "model": "m",
        "spend": 0.0,
        "cache_hit": "True",
        "messages": "[]",
        "proxy_server_request": json.dumps({"messages": [{"role": "user", "content": SUM}]}),
        "metadata": json.dumps({"stars": 4}),
    }
    path = write_csv(tmp_path / "s.csv", list(row), [list(row.values())])
    with pytest.raises(ConfigError, match="has no scores; give --scores"):
        import_outcomes("litellm", path)
    choices = Choices(columns={"score": "metadata.stars"})
    rules = Rules(scale=Scale(1, 5))
    table = import_outcomes("litellm", path, choices=choices, rules=rules).table
    assert (table.prompts, table.score.tolist()) == ((SUM,), [[0.75]])
    assert np.isnan(table.cost_usd).all()


def test_scores_by_id_may_not_contradict_each_other(tmp_path: Path) -> None:
    path = examples.litellm(tmp_path, False)
    scores = write_csv(tmp_path / "x.csv", ["request_id", "score"], [["r1", 1], ["r1", 0]])
    with pytest.raises(DataError, match="line 3: 'r1' comes twice"):
        import_outcomes("litellm", path, choices=Choices(scores=scores))
    scores = write_csv(tmp_path / "y.csv", ["request", "score"], [["r1", 1]])
    with pytest.raises(DataError, match=r"line 2: needs an id .* it has request, score"):
        import_outcomes("litellm", path, choices=Choices(scores=scores))


def test_openai_batches_need_requests_and_scores(tmp_path: Path) -> None:
    path = examples.openai_batch(tmp_path, False)
    with pytest.raises(ConfigError, match=r"give --prompts REQUESTS.jsonl and --scores"):
        import_outcomes("openai-batch", path)
    choices = Choices(prompts=tmp_path / "requests.jsonl", scores=tmp_path / "scores.csv")
    report = import_outcomes("openai-batch", path, choices=choices).report
    assert report.skipped == {"requests that failed": 1}


# Tables


def test_a_table_says_which_column_it_lacks(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ["Question", "llm", "score"], [[SUM, "m", 1]])
    with pytest.raises(DataError, match="no column 'prompt' for prompt; it has Question, llm"):
        import_outcomes("table", path)
    choices = Choices(columns={"prompt": "Question"})
    with pytest.raises(DataError, match=r"no column 'model' .*--column model=NAME \(or score="):
        import_outcomes("table", path, choices=choices)
    choices = Choices(columns={"prompt": "Question", "model": "llm"})
    assert import_outcomes("table", path, choices=choices).table.models == ("m",)
    with pytest.raises(ConfigError, match="our columns are prompt, model, score"):
        import_outcomes("table", path, choices=Choices(columns={"question": "Question"}))


def test_a_line_that_leaves_the_score_out_is_missing(tmp_path: Path) -> None:
    lines = [{"prompt": SUM, "model": "m", "score": 1}, {"prompt": RHYME, "model": "m"}]
    imported = import_outcomes("table", write_jsonl(tmp_path / "t.jsonl", lines))
    assert (imported.table.prompts, imported.report.missing) == ((SUM,), 1)


def test_a_line_that_lacks_its_model_is_one_bad_row(tmp_path: Path) -> None:
    lines = [{"score": 1}] + [{"prompt": f"p{at}", "model": "m", "score": 1} for at in range(30)]
    imported = import_outcomes("table", write_jsonl(tmp_path / "t.jsonl", lines))
    assert (imported.report.bad_rows, imported.report.outcomes) == (1, 30)


def test_prompts_can_be_joined_by_id(tmp_path: Path) -> None:
    """A routing dataset's own files, for one."""
    whole = synthetic.outcomes(30)
    whole.write(tmp_path / "data")
    choices = Choices(prompts=tmp_path / "data" / "prompts.parquet")
    path = tmp_path / "data" / "outcomes.parquet"
    again = import_outcomes("table", path, choices=choices).table
    assert again.prompts == whole.prompts
    np.testing.assert_array_equal(again.score, whole.score)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_part_columns_too(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(mark.join(["prompt", "model", "score"]) + f"\nOne, two?{mark}m{mark}1\n")
    assert import_outcomes("table", path).table.prompts == ("One, two?",)


def test_a_wide_table_of_bare_names_is_read_with_a_star(tmp_path: Path) -> None:
    header = ["prompt", "benchmark", "gpt", "claude"]
    path = write_csv(tmp_path / "t.csv", header, [[SUM, "x", 1, 0], [RHYME, "x", "", 1]])
    table = import_outcomes("table", path, choices=Choices(columns={"score": "*"})).table
    assert table.models == ("gpt", "claude")
    assert score(table, RHYME, "claude") == 1.0
    with pytest.raises(DataError, match=r"no column '\*_grade' for score"):
        import_outcomes("table", path, choices=Choices(columns={"score": "*_grade"}))


def test_columns_inside_objects_are_reached_with_dots(tmp_path: Path) -> None:
    line = {"input": {"text": SUM}, "run": {"model": "m"}, "eval": {"ok": True}}
    columns = {"prompt": "input.text", "model": "run.model", "score": "eval.ok"}
    path = write_jsonl(tmp_path / "t.jsonl", [line])
    table = import_outcomes("table", path, choices=Choices(columns=columns)).table
    assert score(table, SUM, "m") == 1.0


def test_an_outcome_table_survives_being_exported_and_imported(tmp_path: Path) -> None:
    whole = synthetic.outcomes(60)
    lines = [
        {
            "prompt": whole.prompts[row],
            "model": model,
            "score": float(whole.score[row, column]),
            "input_tokens": float(whole.input_tokens[row, column]),
        }
        for row in range(len(whole))
        for column, model in enumerate(whole.models)
    ]
    again = import_outcomes("table", write_jsonl(tmp_path / "t.jsonl", lines)).table
    np.testing.assert_array_equal(again.score, whole.score)
    np.testing.assert_array_equal(again.input_tokens, whole.input_tokens)


# Prompts in requests


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ('["one", "two"]', '["one", "two"]'),
        (["one", "two"], "one\n\ntwo"),
        ("[not json", "[not json"),
        ("[1, 2]", "[1, 2]"),
        ('{"a": 1}', '{"a": 1}'),
        ([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "u"),
        ([{"role": "system", "content": "s"}], "s"),
        (
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}],
            "a",
        ),
        ({"messages": [{"role": "user", "content": "u"}]}, "u"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "x"}], "a"),
        ('[{"role": "user", "content": "u"}]', "u"),
        ([], None),
        (None, None),
        (7, None),
    ],
)
def test_the_prompt_is_what_the_user_said(value: Any, text: str | None) -> None:
    assert prompt_text(value) == text


def test_other_files_in_a_folder_are_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    examples.llmrouter(folder, False)
    write_json(folder / "default_llm.json", {"small/one": {"size": "8B", "input_price": 0.2}})
    write_jsonl(folder / "query_data.jsonl", [{"query": SUM, "task_name": "maths"}] * 9)
    (folder / "empty.csv").touch()
    imported = import_outcomes("llmrouter", folder)
    assert imported.report.rows == 4
    assert "left out 3 files of another shape, such as default_llm.json" in notes(imported)


@pytest.mark.parametrize(
    ("write", "format_"),
    [
        (examples.inspect_json, "inspect"),
        (examples.promptfoo, "promptfoo"),
        (examples.llmrouterbench, "llmrouterbench"),
    ],
)
def test_other_json_in_a_folder_of_whole_files_is_left_out_and_named(
    write: Any, format_: str, tmp_path: Path
) -> None:
    source = write(tmp_path, False)
    folder = source if source.is_dir() else source.parent
    for number, value in enumerate([{"eval_set": 1}, [1, 2]]):
        write_json(folder / f"zz{number}.json", value)
    imported = import_outcomes(format_, folder)
    assert imported.report.outcomes == 3
    assert "left out zz0.json" in notes(imported)


def test_broken_rows_do_not_hide_the_format(tmp_path: Path) -> None:
    """The first line of a log that was cut or joined badly is often half a line."""
    path = examples.llmrouter(tmp_path, False)
    path.write_text('"half a line"}\n' + path.read_text("utf-8"), "utf-8")
    with pytest.raises(DataError, match="not llmrouter"):
        import_outcomes("llmrouter", path)
    path.write_text('{"half a line\n' + path.read_text("utf-8").partition("\n")[2], "utf-8")
    imported = import_outcomes("llmrouter", path, rules=Rules(max_bad=0.5))
    assert imported.report.bad_rows == 1
    assert score(imported.table, SUM, SMALL) == 1.0
    assert BROKEN not in imported.table.prompts
