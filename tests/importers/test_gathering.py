"""Rows to arrays: repeats averaged and counted, missing kept apart from zero."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.gathering import Gathered, Gatherer
from finerouter.importers.places import Place
from finerouter.importers.protocol import Row
from finerouter.importers.scale import Scale

HERE = Place("file", "line", 1)
prompts, models = st.sampled_from(["p", "q", "r"]), st.sampled_from(["a", "b"])
amounts = st.none() | st.floats(0, 9)
rows = st.lists(
    st.builds(
        Row,
        st.just(HERE),
        prompts,
        models,
        st.none() | st.floats(0, 1),
        amounts,
        amounts,
        amounts,
        st.sampled_from([None, "x", "y"]),
        st.sampled_from([None, "train", "test"]),
    ),
    min_size=1,
    max_size=30,
)


def gather(given_rows: list[Row], **options: object) -> tuple[Gathered, Findings]:
    findings = Findings(rows=len(given_rows))
    gatherer = Gatherer(findings, options.pop("scale", Scale()), **options)
    for row in given_rows:
        gatherer.add(row)
    return gatherer.finish("file"), findings


@given(some=rows)
def test_cells_are_means_over_their_rows(some: list[Row]) -> None:
    scored = [row for row in some if row.score is not None]
    if not scored:
        return
    table, findings = gather(some)
    assert table.missing == len(some) - len(scored)
    assert findings.bad == 0
    groups = defaultdict(list)
    for row in scored:
        groups[row.prompt, row.model].append(row)
    for at, prompt in enumerate(table.prompts):
        for column, model in enumerate(table.models):
            of_cell = groups.get((prompt, model), [])
            assert table.repeats[at, column] == len(of_cell)
            for name, grid in (
                ("score", table.score),
                ("input_tokens", table.input_tokens),
                ("output_tokens", table.output_tokens),
                ("cost_usd", table.cost_usd),
            ):
                known = [getattr(row, name) for row in of_cell if getattr(row, name) is not None]
                mean = sum(known) / len(known) if known else math.nan
                assert grid[at, column] == pytest.approx(mean, nan_ok=True)


@given(some=rows, worst=st.floats(-9, 9), span=st.floats(0.1, 9) | st.floats(-9, -0.1))
def test_a_scale_maps_worst_to_0_and_best_to_1(some: list[Row], worst: float, span: float) -> None:
    if all(row.score is None for row in some):
        return
    plain, _ = gather(some)
    scaled = [
        row if row.score is None else row._replace(score=worst + span * row.score) for row in some
    ]
    # Rounding must not push the ends out of the scale.
    low, high = sorted((worst, worst + span))
    scaled = [
        row if row.score is None else row._replace(score=min(max(row.score, low), high))
        for row in scaled
    ]
    table, _ = gather(scaled, scale=Scale(worst, worst + span))
    np.testing.assert_allclose(table.score, plain.score, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"score": "oops"}, "score is 'oops', not a number"),
        ({"score": {"a": "b" * 99}}, "score is {'a': 'b"),
        ({"score": "nan"}, "score is NaN; leave it empty"),
        ({"score": float("nan")}, "score is NaN"),
        ({"input_tokens": -1}, "input_tokens is -1, not zero or more"),
        ({"output_tokens": "many"}, "output_tokens is 'many'"),
        ({"cost_usd": float("inf")}, "cost_usd is inf"),
        ({"prompt": "  "}, "the prompt is empty"),
        ({"prompt": None}, "the prompt is empty"),
        ({"prompt": ["a"]}, "the prompt is empty"),
        ({"prompt": "a\ud800"}, "half a character"),
        ({"model": ""}, "the model has no name"),
        ({"model": None}, "the model has no name"),
        ({"model": 7}, "the model has no name"),
        ({"model": "m\ud800"}, "the model has no name"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(change: dict[str, object], reason: str) -> None:
    good = Row(HERE, "p", "a", 1.0)
    bad = Row(Place("file", "line", 2), "q", "b", 1.0)._replace(**change)
    table, findings = gather([good, bad])
    assert table.score.tolist() == [[1.0]]
    assert findings.bad == 1
    (example,) = findings.examples
    assert example.startswith("file: line 2: ")
    assert reason in example
    assert len(example) < 120


def test_a_first_row_without_a_prompt_is_bad_too() -> None:
    table, findings = gather([Row(HERE, None, "a", 1.0), Row(HERE, "p", "a", 0.5)])
    assert (table.prompts, table.score.tolist(), findings.bad) == (("p",), [[0.5]], 1)


def test_benchmarks_and_splits_may_be_numbers() -> None:
    some = [Row(HERE, "p", name, 1.0, benchmark=3, split=0) for name in "ab"]
    table, _ = gather(some)
    assert (table.benchmarks, table.splits, table.relabelled) == (("3",), ("0",), 0)


def test_numbers_may_be_written_as_text_or_truth() -> None:
    table, _ = gather([Row(HERE, "p", "a", "0.5", "7", " 8 ", "1e-3"), Row(HERE, "q", "a", True)])
    assert table.score.tolist() == [[0.5], [1.0]]
    assert (table.input_tokens[0, 0], table.cost_usd[0, 0]) == (7.0, 0.001)


def test_scores_outside_the_scale_stop_the_import_and_say_their_range() -> None:
    some = [
        Row(Place("f", "line", at), f"p{at}", "a", score) for at, score in enumerate((0, 55, 87))
    ]
    with pytest.raises(DataError) as error:
        gather(some)
    for words in ("f: line 1: score 55 lies outside [0, 1]", "2 in all, from 55 to 87", "0:100"):
        assert words in str(error.value)


@pytest.mark.parametrize("score", [float("inf"), -0.01, 1.01, 1e300])
def test_nothing_outside_is_clipped(score: float) -> None:
    with pytest.raises(DataError, match="lies outside"):
        gather([Row(HERE, "p", "a", score)])


def test_names_go_through_aliases_before_models_are_chosen() -> None:
    some = [Row(HERE, "p", name, 1.0) for name in ("x/big", "big-2024", "small")]
    table, _ = gather(some, aliases={"x/big": "big", "big-2024": "big"}, keep=["big*"])
    assert table.models == ("big",)
    assert table.repeats.tolist() == [[2]]
    with pytest.raises(DataError, match=r"no model matches huge; it has big-2024, small, x/big"):
        gather(some, keep=["huge"])


def test_a_model_with_missing_outcomes_only_is_no_model() -> None:
    table, _ = gather([Row(HERE, "p", "a", None), Row(HERE, "p", "b", 1.0)])
    assert table.models == ("b",)
    with pytest.raises(DataError, match=r"holds no outcomes .1 rows without a score"):
        gather([Row(HERE, "p", "a", None)])


def test_the_first_benchmark_counts_and_others_are_reported() -> None:
    some = [Row(HERE, "p", "a", 1.0, benchmark=name) for name in (None, "x", "y", "x")]
    table, _ = gather(some)
    assert (table.benchmarks, table.relabelled) == (("x",), 1)


def test_a_table_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finerouter.importers.gathering._MOST_CELLS", 3)
    some = [Row(HERE, prompt, model, 1.0) for prompt in "pq" for model in "ab"]
    with pytest.raises(DataError, match=r"2 prompts by 2 models would take .* --keep"):
        gather(some)
