from __future__ import annotations

import numpy as np
import pytest

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks.classifier import CrossFit
from finerouter.tasks.levels import TaskLevels

LABELS = np.repeat(np.arange(4), 20)
NOISE = np.random.default_rng(0).normal(size=(len(LABELS), 9))
ROWS = unit_rows((np.eye(4, 9)[LABELS] + 0.1 * NOISE).astype(np.float32))


@pytest.fixture(scope="module")
def levels() -> TaskLevels:
    crossfit = CrossFit.of(ROWS, penalty=1e-4, folds=np.arange(len(LABELS)) % 3)
    named = crossfit.fit(LABELS, kinds=LABELS)[0]
    return TaskLevels((named, crossfit.fit_shares(LABELS // 2)[0]))


def test_every_level_leaves_the_room_for_none_that_the_named_tasks_leave(levels) -> None:
    far = unit_rows(np.eye(9, dtype=np.float32)[-1:])
    probs, none = levels.probabilities(np.concatenate([ROWS, far]))
    assert [level.shape[1] for level in probs] == [4, 2]
    for level in probs:
        np.testing.assert_allclose(level.sum(axis=1) + none, 1.0)
    np.testing.assert_array_equal(probs[0], levels.named.probabilities(np.vstack([ROWS, far]))[0])
    assert none[-1] > 0.5


def test_every_level_tells_its_own_tasks_apart(levels) -> None:
    (fine, coarse), _ = levels.probabilities(ROWS)
    assert (fine.argmax(axis=1) == LABELS).mean() > 0.97
    assert (coarse.argmax(axis=1) == LABELS // 2).mean() > 0.97


def test_tensors_make_the_same_levels(levels) -> None:
    rebuilt = TaskLevels.from_tensors(levels.to_tensors())
    found, expected = rebuilt.probabilities(ROWS), levels.probabilities(ROWS)
    for one, other in zip((*found[0], found[1]), (*expected[0], expected[1]), strict=True):
        np.testing.assert_array_equal(one, other)
