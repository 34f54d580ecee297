from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks.naming import distinctive_terms, exemplars, names_from_terms, shortened
from tests import synthetic


def test_terms_are_the_words_that_set_a_task_apart() -> None:
    table = synthetic.outcomes(240)
    kinds = synthetic.kind_numbers(table)
    terms = distinctive_terms(table.prompts, kinds)
    expected = ("calculate", "translate", "printed", "review", "alphabetical", "capital")
    assert all(word in found for word, found in zip(expected, terms, strict=True))
    assert "the" not in {found[0] for found in terms}


def test_one_long_prompt_does_not_name_its_task() -> None:
    texts = ["sort apples"] * 12 + ["sort pears " + "zebra " * 500] + ["add numbers"] * 13
    labels = np.repeat([0, 1], 13)
    assert "zebra" not in distinctive_terms(texts, labels)[0]


def test_texts_without_spaces_have_terms() -> None:
    texts = ["请翻译这个句子", "请翻译那个句子", "add the numbers", "add some numbers"]
    terms = distinctive_terms(texts, np.array([0, 0, 1, 1]))
    assert any("翻" in term or "译" in term for term in terms[0])


def test_a_task_without_words_still_has_a_name() -> None:
    terms = distinctive_terms(["1 + 2", "?!", "add it up"], np.array([0, 0, 1]))
    assert names_from_terms(terms)[0] == "task 1"


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=12))
def test_names_are_unique_and_never_empty(terms) -> None:
    names = names_from_terms(terms)
    assert len(set(names)) == len(names) == len(terms)
    assert all(name.strip() for name in names)


def test_exemplars_are_the_prompts_nearest_to_the_centre() -> None:
    rows = unit_rows(np.array([[1, 0], [1, 0.1], [0.2, 1], [0, 1], [0.02, 1]], np.float32))
    labels = np.array([0, 0, 1, 1, 1])
    shown = exemplars(["a", "b", "far", "c", "d"], rows, labels, each=2)
    assert sorted(shown[0]) == ["a", "b"]
    assert shown[1] == ("d", "c")
    assert exemplars(["a", "b", "c", "d", "e"], rows, labels, each=0) == [(), ()]


@given(st.text(), st.integers(2, 40))
def test_shortened_text_is_one_line_of_at_most_the_limit(text: str, limit: int) -> None:
    line = shortened(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert line == " ".join(text.split()) or line.endswith("…")


@pytest.mark.parametrize("text", ["short", "two\nlines\t here"])
def test_short_text_is_only_put_on_one_line(text: str) -> None:
    assert shortened(text) == " ".join(text.split())
