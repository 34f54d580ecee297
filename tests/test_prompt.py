from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finerouter.prompt import folded, prompt_id, text_bytes

any_text = st.text(st.characters())


@given(any_text, any_text)
def test_an_id_is_that_of_one_text(one: str, other: str) -> None:
    assert (prompt_id(one) == prompt_id(other)) == (one == other)
    assert len(prompt_id(one)) == 16


def test_an_id_stays_the_same_for_good() -> None:
    assert prompt_id("What is 1 + 1?") == "72f8917549de2d6d"
    assert prompt_id("lone \ud800") == prompt_id("lone \ud800")


@given(any_text)
def test_case_and_white_space_make_no_other_prompt(text: str) -> None:
    assert folded(f"  {text}\t\n") == folded(text)
    assert folded(folded(text)) == folded(text)


def test_words_make_another_prompt() -> None:
    assert folded("Add  ONE") == folded("add one") != folded("addone")


@given(any_text)
def test_length_is_that_in_utf8(text: str) -> None:
    assert text_bytes(text) == max(1, len(text.encode("utf-8", "surrogatepass")))
