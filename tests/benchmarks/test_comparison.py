"""The comparison command: parts that never mix, figures worked out by hand, resume, openings."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.comparison import misses, openings, parts, recording, running, statistics, table
from benchmarks.comparison.__main__ import main
from benchmarks.comparison.methods import (
    CURVES,
    EQUAL_BUDGET,
    METHODS,
    POINTS,
    REFERENCES,
    Prepared,
)
from benchmarks.comparison.statistics import NAMES, OVERALL, SeedOutcomes
from finerouter import OutcomeTable
from finerouter.errors import DataError
from finerouter.evaluation.baselines.preference import Chosen
from finerouter.evaluation.baselines.protocol import BUDGET
from finerouter.evaluation.intervals import Interval
from finerouter.training import TrainingConfig
from tests import synthetic

ROOT = Path(__file__).parents[2]
QUICK = ("best single", "cheapest", "random model", "oracle", "zero router", "kNN")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    synthetic.outcomes(240).write(folder / "planted")
    return folder


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    return [
        *("--data", str(data), "--datasets", "planted", "--seeds", "2", "--resamples", "60"),
        *("--processes", "1", "--cache", str(out / "cache"), "--results", str(out / "results")),
        *("--reference", "kNN", "--methods", *QUICK, *more),
    ]


# The parts


def test_a_prompts_part_follows_from_its_id() -> None:
    def share(name: str) -> float:
        return int(hashlib.sha256(f"sealed{name}".encode()).hexdigest()[:8], 16) / 2**32

    names = [f"p{at}" for at in range(2000)]
    assert [parts.is_sealed(name) for name in names] == [share(name) >= 0.7 for name in names]
    assert 0.27 < np.mean([parts.is_sealed(name) for name in names]) < 0.33


def test_the_parts_share_no_prompt_and_splits_of_development_stay_inside_it() -> None:
    outcomes = synthetic.outcomes(300)
    development, sealed = parts.divide(outcomes)
    dropped = {*outcomes.prompt_ids} - {*development.prompt_ids} - {*sealed.prompt_ids}
    assert 300 - len(dropped) == len(development) + len(sealed) > 270
    assert all(parts.is_sealed(name) for name in dropped)
    assert all(parts.is_sealed(name) for name in sealed.prompt_ids)
    assert not any(parts.is_sealed(name) for name in development.prompt_ids)
    drawn = set()
    for seed in range(3):
        split = parts.split(outcomes, "development", seed)
        assert {*split.fit.prompt_ids, *split.held_out.prompt_ids} == set(development.prompt_ids)
        assert not {*split.fit.prompt_ids} & {*split.held_out.prompt_ids}
        names = [development.prompt_ids[at] for at in split.positions]
        assert names == list(split.held_out.prompt_ids)
        assert split.part_size == len(development)
        drawn.add(split.held_out.prompt_ids)
    assert len(drawn) == 3


def test_the_sealed_part_is_judged_by_all_of_development() -> None:
    outcomes = synthetic.outcomes(300)
    development, sealed = parts.divide(outcomes)
    first, second = (parts.split(outcomes, "sealed", seed) for seed in (0, 1))
    for split in (first, second):
        assert split.fit.prompt_ids == development.prompt_ids
        assert split.held_out.prompt_ids == sealed.prompt_ids
    assert (first.seed, second.seed) == (0, 1)


def test_sealed_prompts_that_repeat_a_development_prompt_are_dropped() -> None:
    outcomes = synthetic.outcomes(300)
    _, sealed = parts.divide(outcomes)

    def by_threes(texts):
        return np.arange(len(texts)) // 3

    _, kept = parts.divide(outcomes, by_threes)
    is_sealed = np.array([parts.is_sealed(name) for name in outcomes.prompt_ids])
    whole = np.repeat(is_sealed.reshape(-1, 3).all(axis=1), 3)
    expected = [name for name, keep in zip(outcomes.prompt_ids, whole, strict=True) if keep]
    assert list(kept.prompt_ids) == expected
    assert 0 < len(kept) < len(sealed)


def test_too_few_prompts_for_both_parts_are_refused() -> None:
    with pytest.raises(DataError, match="leave the development or the sealed part empty"):
        parts.divide(synthetic.outcomes(1))


# The methods


def test_references_do_what_their_names_say() -> None:
    split = parts.split(synthetic.outcomes(240), "development", 0)
    prepared, held_out = Prepared(split), split.held_out
    runs = {name: METHODS[name](prepared) for name in REFERENCES}
    quality = {name: run.chosen.score[:, 0].mean() for name, run in runs.items()}
    best = int(split.fit.score.mean(axis=0).argmax())
    assert runs["best single"].note == {"model": split.fit.models[best]}
    assert quality["best single"] == pytest.approx(held_out.score[:, best].mean())
    assert runs["cheapest"].note == {"model": "tiny"}
    assert quality["random model"] == pytest.approx(held_out.score.mean())
    assert quality["oracle"] == pytest.approx(held_out.score.max(axis=1).mean())
    assert quality["oracle, cheapest correct"] == pytest.approx(quality["oracle"])
    assert quality["best per benchmark, labels known"] > quality["best single"] + 0.1
    for name in POINTS:
        assert runs[name].chosen.score.shape == (len(held_out), 1)


def test_where_the_best_single_was_not_asked_its_mean_stands_in() -> None:
    outcomes = synthetic.outcomes(240)
    score = outcomes.score.copy()
    score[::2, 2] = np.nan  # half of the scholar's, the best single model
    prepared = Prepared(parts.split(replace(outcomes, score=score), "development", 0))
    run = METHODS["best single"](prepared)
    assert run.note == {"model": "scholar"}
    own = prepared.split.held_out.score[:, 2]
    assert 10 < np.isnan(own).sum() < len(own) - 10
    np.testing.assert_allclose(run.chosen.score[np.isnan(own), 0], np.nanmean(own))
    np.testing.assert_allclose(run.chosen.score[~np.isnan(own), 0], own[~np.isnan(own)])


def test_prompts_that_nobody_was_asked_are_in_no_part() -> None:
    outcomes = synthetic.outcomes(240)
    score = outcomes.score.copy()
    score[:50] = np.nan
    development, sealed = parts.divide(replace(outcomes, score=score))
    asked = {*outcomes.prompt_ids[50:]}
    assert {*development.prompt_ids} == {name for name in asked if not parts.is_sealed(name)}
    assert {*sealed.prompt_ids} < asked


def _settings(grid: TrainingConfig) -> int:
    windows = len(grid.resolutions) - grid.levels + 1
    trunks = len(grid.sharpnesses) * len(grid.penalties)
    granularities = windows * len(grid.betas) + (1 if grid.coarse else 0)
    return granularities + trunks + len(grid.shrinkages) + len(grid.alphas)


def test_finerouter_gets_as_many_settings_as_the_others() -> None:
    assert _settings(EQUAL_BUDGET) == BUDGET


def test_the_settings_of_the_router_that_ships_are_counted_aright_in_the_texts() -> None:
    shipped = _settings(TrainingConfig())
    for file in (
        "README.md",
        "docs/decisions/0015-comparison.md",
        "benchmarks/comparison/methods.py",
    ):
        text = " ".join((ROOT / file).read_text("utf-8").split())
        assert re.findall(r"as it ships\W+(?:it )?compares (\d+)", text, re.IGNORECASE) == [
            str(shipped)
        ], file


# The statistics


def _one_seed(**curves: Chosen) -> SeedOutcomes:
    """Two prompts; the best single model scores 1 and 0.6 at 4 USD, the cheapest 0 and 0.4 at 1."""
    return SeedOutcomes(
        positions=np.array([0, 1]),
        single=np.array([[1.0, 4.0], [0.6, 4.0]]),
        cheapest=np.array([[0.0, 1.0], [0.4, 1.0]]),
        dearest_usd=np.array([10.0, 10.0]),
        curves=curves,
        points=frozenset(),
    )


def test_figures_of_a_curve_worked_out_by_hand() -> None:
    # Mean points: (3 USD, 1.0) and (2 USD, 0.8); the cheapest model adds (1 USD, 0.2).
    curve = Chosen(np.array([[1.0, 1.0], [1.0, 0.6]]), np.array([[3.0, 2.0], [3.0, 2.0]]))
    found = statistics.resampled(_one_seed(ours=curve), np.ones((1, 2)))["ours"][0]
    figures = dict(zip((*NAMES, *OVERALL), found, strict=True))
    assert figures["quality_gain"] == pytest.approx(0.2)
    assert figures["best_gain"] == pytest.approx(0.2)
    assert figures["cost_saved"] == pytest.approx(0.5)  # 0.8 is reached at 2 of 4 USD
    assert figures["at_half"] == pytest.approx(0.0)
    assert figures["at_quarter"] == pytest.approx(0.2 - 0.8)
    # Between 1 and 4 USD: 0.5 + 0.9 + 1.0 under the hull, over 3.
    assert figures["area"] == pytest.approx(2.4 / 3 - 0.8)
    assert figures["aiq"] == pytest.approx((1.4 + 7 * 1.0) / 9)
    assert figures["quality"] == pytest.approx(1.0)
    assert figures["cost_per_1k_usd"] == pytest.approx(3000.0)


def test_a_curve_that_never_reaches_the_best_single_saves_nothing() -> None:
    poor = Chosen(np.array([[0.5], [0.5]]), np.array([[2.0], [2.0]]))
    dear = Chosen(np.array([[1.0], [1.0]]), np.array([[9.0], [9.0]]))
    found = statistics.resampled(_one_seed(poor=poor, dear=dear), np.ones((1, 2)))
    at = NAMES.index("cost_saved")
    assert found["poor"][0, at] == found["dear"][0, at] == 0.0


def test_prompts_drawn_twice_count_twice() -> None:
    curve = Chosen(np.array([[1.0], [0.0]]), np.array([[2.0], [2.0]]))
    drawn = np.array([[1.0, 1.0, 5.0], [3.0, 1.0, 0.0]])  # the third prompt is not held out here
    found = statistics.resampled(_one_seed(ours=curve), drawn)["ours"]
    quality = found[:, len(NAMES)]
    np.testing.assert_allclose(quality, [0.5, 0.75])


def test_equal_prices_leave_the_gains_alone() -> None:
    level = np.full((2, 1), 4.0)
    run = SeedOutcomes(
        positions=np.array([0, 1]),
        single=np.array([[1.0, 4.0], [0.6, 4.0]]),
        cheapest=np.array([[0.0, 4.0], [0.4, 4.0]]),
        dearest_usd=np.full(2, 4.0),
        curves={"ours": Chosen(np.array([[1.0], [0.8]]), level)},
        points=frozenset(),
    )
    found = statistics.resampled(run, np.ones((1, 2)))["ours"][0]
    np.testing.assert_allclose(found[:2], [0.1, 0.1])
    assert np.isnan(found[2 : len(NAMES)]).all()


def test_draws_begin_with_every_prompt_once() -> None:
    drawn = statistics.draws(50, 20)
    assert drawn.shape == (21, 50)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == 50).all()
    np.testing.assert_array_equal(drawn, statistics.draws(50, 20))


def test_leads_are_paired_means_over_seeds() -> None:
    width = len(NAMES) + len(OVERALL)
    noise = np.random.default_rng(0).normal(size=(2, 40, 1))
    ours = [np.tile(each + 0.3, (1, width)) for each in noise]
    theirs = [np.tile(each + at, (1, width)) for at, each in enumerate(noise)]
    summary = statistics.summarise(
        [{"ours": first, "theirs": second} for first, second in zip(ours, theirs, strict=True)],
        "ours",
    )
    lead = summary["theirs"]["minus_area"]
    # The same noise in both: what is left is the difference, 0.3 less the mean of 0 and 1.
    assert (lead.value, lead.low, lead.high) == pytest.approx((-0.2, -0.2, -0.2))
    assert "minus_area" not in summary["ours"]


def test_figures_that_pick_have_mirrored_intervals_and_leads_have_not() -> None:
    width = len(NAMES) + len(OVERALL)
    # 2.5 and 97.5 % of the draws 0, 0.01, ..., 1 are 0.025 and 0.975.
    ours = np.tile(np.linspace(0, 1, 101)[:, None], (1, width))
    ours = np.concatenate([np.full((1, width), 0.3), ours])
    summary = statistics.summarise([{"ours": ours, "theirs": ours * 0}], "ours")

    def of(method: str, name: str) -> list[float]:
        interval = summary[method][name]
        return [round(each, 3) for each in (interval.value, interval.low, interval.high)]

    for name in ("best_gain", "at_half", "at_quarter", "area", "aiq"):
        assert of("ours", name) == [0.3, -0.375, 0.575]
    for name in ("quality_gain", "cost_saved", "quality", "cost_per_1k_usd"):
        assert of("ours", name) == [0.3, 0.025, 0.975]
    for name in NAMES:
        assert of("theirs", f"minus_{name}") == [0.3, 0.025, 0.975]


# The table


def test_figures_are_shown_in_their_units() -> None:
    assert table.shown("area", Interval(0.0123, 0.004, 0.0251)) == "+1.2 [+0.4, +2.5]"
    assert table.shown("cost_saved", Interval(0.41, 0.2, 0.52)) == "41% [20, 52]"
    assert table.shown("quality", Interval(0.8, 0.79, 0.81)) == "80.0 [79.0, 81.0]"
    assert table.shown("cost_per_1k_usd", Interval(2.806, 2.7, 2.9)) == "2.81"
    assert table.shown("area", Interval(float("nan"), 0.0, 0.0)) == "-"


@pytest.mark.parametrize(
    "statistic", ["quality_gain", "best_gain", "cost_saved", "at_half", "area"]
)
def test_a_difference_whose_interval_holds_zero_is_marked_as_none(statistic: str) -> None:
    for interval in (Interval(0.01, -0.004, 0.02), Interval(0.0, 0.0, 0.0)):
        assert table.shown(statistic, interval).endswith("]°")
    for interval in (Interval(0.01, 0.004, 0.02), Interval(-0.01, -0.02, -0.0001)):
        assert table.shown(statistic, interval).endswith("]")


SURE, UNSURE = Interval(0.02, 0.01, 0.03), Interval(0.02, -0.01, 0.05)


def _two_methods(area: Interval) -> dict[str, dict[str, Interval]]:
    names = ("quality_gain", "best_gain", "cost_saved", "at_half")
    theirs = {**dict.fromkeys(names, SURE), "area": area}
    leads = {**dict.fromkeys(names, UNSURE), "quality_gain": SURE, "best_gain": SURE}
    ours = {**theirs, "quality_gain": Interval(0.04, 0.01, 0.07)}
    return {
        "theirs": theirs
        | {f"minus_{name}": lead for name, lead in {**leads, "area": UNSURE}.items()},
        "ours": ours,
    }


def test_a_lead_inside_the_noise_is_called_none() -> None:
    text = table.leads_table(_two_methods(SURE), ["theirs", "ours"], "ours")
    rows = [line for line in text.splitlines() if line.startswith("| theirs")]
    assert rows == [
        "| theirs | +2.0 [+1.0, +3.0] | +2.0 [+1.0, +3.0] | +2% [-1, +5]° | +2.0 [-1.0, +5.0]° |"
    ]
    assert text.endswith("\n\n° no difference shown: the 95 % interval holds zero.")
    assert table.leads_table({"ours": _two_methods(SURE)["ours"]}, ["ours"], "ours") == ""


def test_the_legend_stands_under_a_table_that_needs_it_alone() -> None:
    summary = _two_methods(SURE)
    text = table.results_table(summary, ["theirs", "ours"], "ours")
    assert "ours minus this" in text.splitlines()[0]
    assert text.splitlines()[3].startswith("| **ours** | +4.0 [+1.0, +7.0] |")
    assert text.splitlines()[3].endswith("|  |")
    assert text.endswith("no difference shown: the 95 % interval holds zero.")
    assert "°" not in table.results_table(summary, ["ours"], "ours")


def test_where_all_models_cost_the_same_there_is_quality_alone_the_best_first() -> None:
    unknown = Interval(float("nan"), float("nan"), float("nan"))
    text = table.results_table(_two_methods(unknown), ["theirs", "ours"], "ours")
    assert text.splitlines() == [
        "| method | quality at cost weight 0, points | quality: ours minus this |",
        "| --- | ---: | ---: |",
        "| **ours** | +4.0 [+1.0, +7.0] |  |",
        "| theirs | +2.0 [+1.0, +3.0] | +2.0 [+1.0, +3.0] |",
    ]


@pytest.mark.parametrize("dataset", ["pool11", "open7"])
def test_the_readme_shows_the_table_of_the_record(dataset: str) -> None:
    record = recording.read(ROOT / "benchmarks" / "results", dataset, "sealed")
    summary = recording.methods_from_json(record["methods"])
    made = table.results_table(summary, CURVES, record["reference"])
    assert made in (ROOT / "README.md").read_text("utf-8")


def test_records_carry_the_commit_of_their_opening() -> None:
    results = ROOT / "benchmarks" / "results"
    entries = json.loads((results / openings.FILE).read_text("utf-8"))
    for dataset in ("pool11", "open7"):
        last = [entry["code"] for entry in entries if entry["dataset"] == dataset][-1]
        assert recording.read(results, dataset, "sealed")["code"] == last


def test_figures_are_read_as_they_were_written() -> None:
    summary = {"ours": {"area": Interval(0.1234567, float("nan"), 0.2)}}
    written = recording.methods_to_json(summary)
    assert written == {"ours": {"area": {"value": 0.123457, "low": None, "high": 0.2}}}
    found = recording.methods_from_json(json.loads(json.dumps(written)))["ours"]["area"]
    assert (found.value, found.high, np.isnan(found.low)) == (0.123457, 0.2, True)


# The command


def test_it_prints_tables_records_them_and_goes_on_where_it_stopped(data, tmp_path, capsys) -> None:
    main(arguments(data, tmp_path))
    first = capsys.readouterr()
    assert "## planted, development part, 2 seeds" in first.out
    assert "| **kNN** |" in first.out
    assert "kNN (published defaults)" in first.out
    assert "planted, seed 1: kNN" in first.err
    path = tmp_path / "results" / "comparison_planted_development.json"
    recorded = json.loads(path.read_text("utf-8"))
    assert recorded["seeds"] == [0, 1]
    assert recorded["prompts"] == dict(
        zip(
            ("development", "sealed"),
            map(len, parts.divide(OutcomeTable.read(data / "planted"))),
            strict=True,
        )
    )
    gain = recorded["methods"]["kNN"]["best_gain"]
    assert gain["low"] < gain["value"] < gain["high"]
    assert gain["value"] > 0.05
    assert recorded["methods"]["oracle"]["minus_best_gain"]["value"] < 0
    assert len(recorded["runs"]["kNN"][0]["utilities"]) == BUDGET
    assert not (tmp_path / "results" / "openings.json").exists()

    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    assert len(kept) == 2 * len(QUICK)
    lost = next(file for file in kept if file.name.startswith("oracle"))
    lost.unlink()
    main(arguments(data, tmp_path))
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err.count("planted, seed") == 1  # only what was lost is done again
    for file, made in kept.items():
        assert (file.stat().st_mtime_ns == made) == (file != lost)


def test_processes_give_what_one_process_gives(data, tmp_path) -> None:
    def kept(processes: int) -> list[Chosen]:
        cache, folder = tmp_path / str(processes), data / "planted"
        todo = running.tasks(folder, "development", (0,), ("zero router", "kNN"), cache)
        told: list[str] = []
        running.run_all(todo, processes=processes, report=told.append)
        assert len(told) == 2
        names = ("zero router", "kNN")
        return [running.load(cache, folder, "development", 0, name).chosen for name in names]

    for ours, theirs in zip(kept(1), kept(2), strict=True):
        np.testing.assert_array_equal(ours.score, theirs.score)
        np.testing.assert_array_equal(ours.cost_usd, theirs.cost_usd)


def test_what_a_result_depends_on_is_in_its_name(tmp_path, monkeypatch) -> None:
    small, other = synthetic.outcomes(60), synthetic.outcomes(60, seed=1)
    paths = {
        running.path_of(tmp_path, table_, part, seed, name)
        for table_ in (small, other)
        for part in ("development", "sealed")
        for seed in (0, 1)
        for name in ("kNN", "finerouter")
    }
    assert len(paths) == 16
    before = running.path_of(tmp_path, small, "development", 0, "kNN")
    running._code_hash.cache_clear()
    monkeypatch.setattr(running.metadata, "version", lambda name: f"other {name}")
    assert running.path_of(tmp_path, small, "development", 0, "kNN") != before
    running._code_hash.cache_clear()


def test_a_method_depends_on_its_own_files_and_those_it_imports() -> None:
    names = {
        name: {path.name for path in running._sources(name)}
        for name in ("CARROT", "Avengers-Pro", "oracle", "finerouter")
    }
    assert {"carrot.py", "knn.py", "expected_cost.py", "linear.py"} <= names["CARROT"]
    assert "avengers.py" not in names["CARROT"]
    assert {"avengers_pro.py", "avengers.py", "clusters.py"} <= names["Avengers-Pro"]
    assert "knn.py" not in names["Avengers-Pro"]
    assert "router.py" not in names["oracle"]
    assert {"router.py", "stages.py", "discovery.py", "mixture.py"} <= names["finerouter"]
    assert all({"tuning.py", "preference.py", "frontier.py"} <= found for found in names.values())


def test_the_sealed_part_opens_on_record_only(data, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments(data, tmp_path, "--part", "sealed"))
    assert refused.value.code == 2
    assert "--who and --why" in capsys.readouterr().err

    for why in ("first milestone", "second milestone"):
        main(arguments(data, tmp_path, "--part", "sealed", "--who", "A tester", "--why", why))
    shown = capsys.readouterr().out
    assert "## planted, sealed part, 2 seeds" in shown
    entries = json.loads((tmp_path / "results" / openings.FILE).read_text("utf-8"))
    assert [entry["why"] for entry in entries] == ["first milestone", "second milestone"]
    assert entries[0]["who"] == "A tester"
    assert entries[0]["dataset"] == "planted"
    assert entries[0]["seeds"] == [0, 1]
    assert f"| {entries[0]['when']} | A tester | first milestone | planted (" in shown
    assert (tmp_path / "results" / "comparison_planted_sealed.json").exists()


def test_an_opening_is_on_record_even_when_the_run_fails(data, tmp_path, monkeypatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_all", fails)
    with pytest.raises(KeyboardInterrupt):
        main(arguments(data, tmp_path, "--part", "sealed", "--who", "A", "--why", "B"))
    assert len(json.loads((tmp_path / "results" / openings.FILE).read_text("utf-8"))) == 1


def test_a_dataset_that_is_not_there_is_named(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments(tmp_path, tmp_path))
    assert refused.value.code == 2
    assert "planted" in capsys.readouterr().err


def test_the_commit_is_that_of_the_start_of_the_run(data, tmp_path, monkeypatch) -> None:
    commits = iter(("the first", "the second", "the third", "the fourth"))
    monkeypatch.setattr(openings, "commit", lambda: next(commits))
    twice = ("--datasets", "planted", "planted")
    main(arguments(data, tmp_path, "--part", "sealed", "--who", "A", "--why", "B", *twice))
    entries = json.loads((tmp_path / "results" / openings.FILE).read_text("utf-8"))
    assert [entry["code"] for entry in entries] == ["the first", "the first"]
    assert recording.read(tmp_path / "results", "planted", "sealed")["code"] == "the first"


def test_a_record_is_printed_without_data_and_without_a_run(data, tmp_path, capsys) -> None:
    main(arguments(data, tmp_path, "--part", "sealed", "--who", "A", "--why", "B"))
    printed = capsys.readouterr().out
    main(arguments(tmp_path / "nothing", tmp_path, "--part", "sealed", "--recorded"))
    assert printed.endswith(capsys.readouterr().out)
    assert len(json.loads((tmp_path / "results" / openings.FILE).read_text("utf-8"))) == 1
    with pytest.raises(SystemExit):
        main(arguments(data, tmp_path, "--recorded"))  # of the development part there is none
    assert "comparison_planted_development.json is not there" in capsys.readouterr().err


def test_figures_come_anew_from_kept_outcomes_without_an_opening(
    data, tmp_path, monkeypatch, capsys
) -> None:
    sealed = ("--part", "sealed")
    main(arguments(data, tmp_path, *sealed, "--who", "A", "--why", "B"))
    path = tmp_path / "results" / "comparison_planted_sealed.json"
    before = json.loads(path.read_text("utf-8"))
    spoilt = json.loads(path.read_text("utf-8"))
    spoilt["methods"]["kNN"]["area"]["low"] = -9.0  # as if by another kind of interval
    path.write_text(json.dumps(spoilt), "utf-8")
    monkeypatch.setattr(openings, "commit", lambda: "a later commit")
    monkeypatch.setattr(running, "run_task", None)  # nothing is judged
    main(arguments(data, tmp_path, *sealed, "--kept", "--seeds", "1", "--resamples", "5"))
    after = json.loads(path.read_text("utf-8"))
    assert after.pop("recomputed")["code"] == "a later commit"
    assert after == before
    assert len(json.loads((tmp_path / "results" / openings.FILE).read_text("utf-8"))) == 1

    spoilt["methods"]["kNN"]["area"]["value"] += 0.001
    path.write_text(json.dumps(spoilt), "utf-8")
    with pytest.raises(SystemExit):
        main(arguments(data, tmp_path, *sealed, "--kept"))
    assert "the kept outcomes of 'kNN' give area" in capsys.readouterr().err

    next((tmp_path / "cache").glob("oracle-0-*")).unlink()
    with pytest.raises(SystemExit):
        main(arguments(data, tmp_path, *sealed, "--kept"))
    assert "lacks outcomes of oracle, made by this code" in capsys.readouterr().err


# How often intervals miss


def test_intervals_that_are_never_right_are_counted_on_their_side(monkeypatch) -> None:
    def figures(_runs, _methods, drawn):  # a statistic that grows with the number of draws
        level = float(len(drawn) > 1)
        return {"kNN": np.full((len(drawn), len(NAMES)), level)}

    monkeypatch.setattr(misses, "figures", figures)
    found = misses.misses([], ["kNN"], 10, range(4), resamples=5)
    assert found["kNN"]["area"] == {"percentiles": [1.0, 0.0], "mirrored": [1.0, 0.0]}


def test_misses_are_counted_on_kept_outcomes(data, tmp_path, capsys) -> None:
    main(arguments(data, tmp_path))
    more = ("--dataset", "planted", "--seeds", "1", "--methods", "kNN", "--trials", "40")
    where = [
        *("--data", str(data), "--cache", str(tmp_path / "cache")),
        *("--results", str(tmp_path / "results")),
    ]
    misses.main([*where, *more, "--resamples", "60", "--reference", "kNN"])
    recorded = json.loads(
        (tmp_path / "results" / "misses_planted_development.json").read_text("utf-8")
    )
    above, below = recorded["above_and_below"]["kNN"]["quality_gain"]["percentiles"]
    assert 0 <= above < 0.3
    assert 0 <= below < 0.3
    with pytest.raises(SystemExit):
        misses.main([*where, *more, "--part", "sealed", "--reference", "kNN"])
    assert "is not kept; run the comparison first" in capsys.readouterr().err
