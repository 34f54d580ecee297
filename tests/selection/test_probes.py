from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError
from finerouter.quality.newcomer import Design, Spread, prior_newcomer, updated
from finerouter.selection import choose_probes
from finerouter.selection.probes import greedy_probes


def test_probes_cover_the_tasks_and_leave_less_unknown(router: Router, fit: OutcomeTable) -> None:
    probes = choose_probes(router, fit, count=30)
    assert len({probe.prompt_id for probe in probes}) == 30
    assert {probe.task for probe in probes} >= set(router.task_names[:4])
    left = [probe.quality_std for probe in probes]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.9 * left[0]


def test_the_first_probes_do_not_depend_on_how_many_are_wanted(router: Router, fit) -> None:
    assert choose_probes(router, fit, count=10) == choose_probes(router, fit, count=20)[:10]


def test_what_was_asked_is_not_asked_again_and_counts(router: Router, fit: OutcomeTable) -> None:
    first = choose_probes(router, fit, count=20)
    asked = fit.rows([fit.prompt_ids.index(probe.prompt_id) for probe in first])
    following = choose_probes(router, fit, count=20, asked=asked)
    assert not {probe.prompt for probe in first} & {probe.prompt for probe in following}
    assert following[0].quality_std < first[-1].quality_std


def test_prompts_without_outcomes_can_be_chosen_from(router: Router, fit: OutcomeTable) -> None:
    blind = replace(fit, score=np.full(fit.score.shape, np.nan))
    assert len(choose_probes(router, blind, count=5)) == 5


def test_all_prompts_come_when_there_are_few(router: Router, fit: OutcomeTable) -> None:
    assert len(choose_probes(router, fit.rows([0, 1, 1]), count=50)) == 2


def test_greedy_takes_the_best_first_and_knows_what_is_left() -> None:
    random = np.random.default_rng(0)
    design = Design.of(random.uniform(size=(40, 3)), random.uniform(size=(40, 4)))
    before = prior_newcomer(Spread(0.3, 0.03, 0.1), models=3, tasks=4)
    goal = Design.of(random.uniform(size=(6, 3)), random.uniform(size=(6, 4))).features

    def left(order: list[int]) -> float:
        part = Design(design.offset[order], design.features[order])
        after = updated(before, part, part.offset, part.noise)
        return float(np.trace(goal @ after.covariance @ goal.T))

    order, std = greedy_probes(before, design, goal, 8)
    assert left(order[:1]) == pytest.approx(min(left([at]) for at in range(40)))
    for count in (1, 4, 8):
        assert std[count - 1] ** 2 == pytest.approx(left(order[:count]))


def test_mistakes_are_refused(router: Router, fit: OutcomeTable) -> None:
    with pytest.raises(DataError, match="count must be at least 1"):
        choose_probes(router, fit, count=0)
    with pytest.raises(DataError, match="no prompts are left"):
        choose_probes(router, fit.rows([0]), asked=fit.rows([0]))
