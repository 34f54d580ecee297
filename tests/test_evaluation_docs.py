"""docs/evaluation.md explains every figure that an evaluation prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finerouter.cli.figures import SECTIONS
from finerouter.evaluation import EvaluationResult, evaluate, words
from finerouter.evaluation.robustness import PERTURBATIONS

TEXT = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text("utf-8")


@pytest.fixture(scope="module")
def result(router, table) -> EvaluationResult:
    return evaluate(router, table, resamples=100, decisions=0)


def test_every_metric_is_explained(result) -> None:
    for metric in result.metrics:
        named = re.split(r"[:,] (?!000)| at cost weight| at the balanced", metric.name)[0]
        assert named in TEXT, metric.name
        assert words.metric(metric)


def test_every_section_and_perturbation_is_explained() -> None:
    for name in SECTIONS:
        assert name in TEXT
    for name in PERTURBATIONS:
        assert name in " ".join(TEXT.split())


def test_metrics_have_keys_and_names_of_their_own(result) -> None:
    for values in ([metric.key for metric in result.metrics], [m.name for m in result.metrics]):
        assert len(set(values)) == len(values)


def test_the_modules_that_it_names_exist() -> None:
    source = Path(__file__).parents[1] / "src" / "finerouter"
    named = re.findall(r"`(?:src/finerouter/)?([a-z_/]+\.py)`", TEXT)
    assert named
    assert all((source / name).is_file() for name in named)
