"""Elements that are left out of a text: which, and how much is looked at for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.elements import without_elements
from finerouter.gateway.settings import TextTable
from finerouter.gateway.task_text import task_text
from finerouter.gateway.turns import Turn

NAMES = ("env", "a.b")
PIECES = ("<env>", "</env>", "<a.b>", "</a.b>", "<axb>", "<", ">", "/", "env", "\n", "é")
MEGABYTE = 1_000_000


class Watched(str):
    """A text that counts the characters that were searched in it."""

    searched = 0

    def find(self, what: str, start: Any = 0, end: Any = None) -> int:
        at = super().find(what, start, end)
        self.searched += (len(self) if at < 0 else at + len(what)) - start
        return at


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_it_leaves_out_what_this_expression_would(text: str) -> None:
    expression = r"<(env|a\.b)>.*?</\1>"
    assert without_elements(text, NAMES) == re.sub(expression, "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "piece", ["<env>", "</env>", "<env></env>", "<env><a.b></env>", "<env><a.b>", "<"]
)
def test_a_text_is_searched_a_few_times_whatever_stands_in_it(piece: str) -> None:
    text = Watched(piece * (MEGABYTE // len(piece)))
    without_elements(text, NAMES)
    assert text.searched <= 2 * len(NAMES) * len(text)


def test_a_long_reminder_is_left_out_and_the_question_kept() -> None:
    said = f"<env>{'x' * MEGABYTE}</env>Fix the bug."
    assert task_text([Turn("user", said)], TextTable()) == "Fix the bug."


def test_a_conversation_of_nothing_but_elements_is_not_read_to_its_beginning() -> None:
    said = [Turn("user", "First."), *[Turn("user", "<env></env>" * 10_000)] * 20]
    assert task_text(said, TextTable()) == ""
