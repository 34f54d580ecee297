from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.duplicates import LEAST_EQUAL, near_duplicate_groups, nearly_among, sketches
from finerouter.prompt import folded

WORDS = [f"word{at}" for at in range(400)]
# Few words, so that texts share many runs by chance, and some are near-duplicates.
texts = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "1", "?", "值"]), max_size=12).map(" ".join),
    min_size=1,
    max_size=30,
)


def long_text(seed: int, words: int = 120) -> list[str]:
    return [str(word) for word in np.random.default_rng(seed).choice(WORDS, size=words)]


def changed(words: list[str], count: int) -> str:
    """The text with this many words, evenly spread, replaced."""
    at = set(np.linspace(3, len(words) - 3, count).astype(int).tolist())
    return " ".join("other" if spot in at else word for spot, word in enumerate(words))


def joined(found: np.ndarray) -> np.ndarray:
    """Groups by comparing all pairs, again and again: slow and plainly right."""
    label = np.arange(len(found))
    near = (found[:, None] == found[None]).sum(axis=2) >= LEAST_EQUAL
    for _ in range(len(found)):
        label = np.where(near, label[None], len(found)).min(axis=1)
    return label


@given(texts)
def test_no_pair_of_near_duplicates_is_missed_and_none_is_made_up(some: list[str]) -> None:
    slow, fast = joined(sketches(some)), near_duplicate_groups(some)
    np.testing.assert_array_equal(slow[:, None] == slow, fast[:, None] == fast)


@given(texts, texts)
def test_near_duplicates_of_known_texts_are_found(asked: list[str], known: list[str]) -> None:
    first, second = sketches(asked), sketches(known)
    slow = ((first[:, None] == second[None]).sum(axis=2) >= LEAST_EQUAL).any(axis=1)
    np.testing.assert_array_equal(nearly_among(first, second), slow)


@given(texts)
def test_texts_that_differ_in_case_and_space_alone_are_one(some: list[str]) -> None:
    again = [f"  {text.upper()} \n" for text in some]
    groups = near_duplicate_groups(some + again)
    np.testing.assert_array_equal(groups[: len(some)], groups[len(some) :])
    for first, second in zip(some, again, strict=True):
        assert folded(first) == folded(second)


@given(texts)
def test_labels_count_from_zero_by_first_appearance(some: list[str]) -> None:
    groups = near_duplicate_groups(some)
    first = np.unique(groups, return_index=True)[1]
    assert groups[first].tolist() == list(range(len(first)))
    assert (np.diff(first) > 0).all()


@pytest.mark.parametrize(("changes", "near"), [(1, True), (2, True), (12, False), (20, False)])
def test_a_few_words_of_a_long_text_make_no_other_prompt(changes: int, near: bool) -> None:
    for seed in range(20):
        words = long_text(seed)
        groups = near_duplicate_groups([" ".join(words), changed(words, changes)])
        assert (groups[0] == groups[1]) is np.bool_(near)


def test_how_often_the_estimate_errs_is_as_documented() -> None:
    """Texts of 118 words with 7 changed share 0.7 of their runs, with 2 changed 0.9."""
    passed = {0.7: 0, 0.9: 0}
    for share, changes in ((0.7, 7), (0.9, 2)):
        for seed in range(200):
            words = [f"{word}-{at}" for at, word in enumerate(long_text(seed, 39))]
            found = sketches([" ".join(words), changed(words, changes)])
            passed[share] += int((found[0] == found[1]).sum() >= LEAST_EQUAL)
    assert passed[0.7] / 200 < 0.11
    assert passed[0.9] / 200 > 0.97


def test_short_questions_with_other_numbers_are_other_prompts() -> None:
    some = [f"What is {a} plus {b}?" for a in range(5) for b in range(5)]
    assert len(set(near_duplicate_groups(some).tolist())) == 25
    assert len(set(near_duplicate_groups(["2 + 3", "2 - 3", "2 * 3"]).tolist())) == 3


def test_scripts_without_spaces_have_words_too() -> None:
    text = "".join(chr(0x4E00 + 37 * at) for at in range(60))
    other = text[:30] + "变" + text[31:]
    groups = near_duplicate_groups([text, other, text[::-1]])
    assert groups.tolist() == [0, 0, 1]


@pytest.mark.parametrize("odd", ["", " \n", "???", "\ud800", "🙂🙂", "a" * 10_000])
def test_odd_texts_have_a_sketch(odd: str) -> None:
    groups = near_duplicate_groups([odd, "an ordinary question about rivers", odd])
    assert groups.tolist() == [0, 1, 0]


def test_nothing_is_near_nothing() -> None:
    nothing = sketches([])
    assert near_duplicate_groups([]).shape == (0,)
    assert nearly_among(nothing, sketches(["a b c"])).shape == (0,)
    assert not nearly_among(sketches(["a b c"]), nothing).any()


def test_sketches_are_the_same_in_every_process() -> None:
    code = (
        "from finerouter.duplicates import sketches\n"
        "print(sketches(['How far is the moon?']).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sketches(["How far is the moon?"]).tobytes().hex()


def test_time_grows_about_as_the_texts_do() -> None:
    """Six thousand look-alikes that are no near-duplicates: all pairs would take long."""
    frame = " ".join(long_text(0, 30))
    some = [f"{frame} {' '.join(long_text(seed, 12))}" for seed in range(1, 6_001)]
    groups = near_duplicate_groups(some)
    assert len(set(groups.tolist())) > 5_000
