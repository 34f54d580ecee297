"""The graders accept the reference however it is put, and nothing else."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recipes.starter import graders

WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9).filter(
    lambda word: word not in {"is", "are", "and", "to", "as", "be", "in", "or", "not", "was"}
)
NUMBERS = st.integers(min_value=0, max_value=5000)
FIELDS = st.dictionaries(WORDS, st.one_of(NUMBERS, WORDS), min_size=1, max_size=3)


@given(NUMBERS)
def test_number_accepts_the_number_in_any_sentence(n: int) -> None:
    for text in (f"{n}", f" {n}.", f"The answer is {n}.", f"4 + 1 = {n} apples", f"{n:,}"):
        assert graders.number(text, str(n)) == 1.0
    assert graders.number(f"First 7, then 8. Answer: {n}", str(n)) == 1.0


@given(NUMBERS, NUMBERS)
def test_number_rejects_another_number(n: int, other: int) -> None:
    assume(n != other)
    assert graders.number(f"The answer is {other}.", str(n)) == 0.0
    assert graders.number(f"It is {n}. Answer: {other}", str(n)) == 0.0


def test_an_unmarked_number_among_others_must_be_stated_as_a_result() -> None:
    assert graders.number("7 apples and 5 apples, so Ann has 12 apples.", "12") == 1.0
    assert graders.number("To find the minimum of 90 and 12,", "12") == 0.0
    assert graders.number("1966 is the year 1966, not 1967.", "1967") == 0.0


def test_number_reads_number_words_only_where_there_are_no_digits() -> None:
    assert graders.number("A spider has eight legs.", "8") == 1.0
    assert graders.number("One spider has 6 legs.", "1") == 0.0
    assert graders.number("I do not know.", "0") == 0.0


@given(WORDS, WORDS)
def test_word_accepts_bare_quoted_and_stated_words(word: str, subject: str) -> None:
    for text in (
        word,
        f" {word.upper()}.",
        f'"{word}"',
        f"The {word}.",
        f"The opposite of {subject} is {word}.",
        f'The word {subject} means "{word}" in English.',
        f"Well. Answer: {word}",
    ):
        assert graders.word(text, word) == 1.0


@given(WORDS, WORDS)
def test_word_rejects_another_word_and_a_mere_mention(word: str, other: str) -> None:
    assume(word != other and not word.endswith(other) and not other.endswith(word))
    assert graders.word(other, word) == 0.0
    assert graders.word(f"The answer is {other}.", word) == 0.0
    assert graders.word(f"{word} or {other}", word) == 0.0
    assert graders.word(f"I like {word}", word) == 0.0
    assert graders.word("", word) == 0.0


def test_word_takes_any_alternative() -> None:
    assert graders.word("little", "small|little") == 1.0
    assert graders.word("small|little", "small|little") == 0.0


@given(WORDS)
def test_cased_word_minds_the_case(word: str) -> None:
    assert graders.cased_word(f"It is {word.upper()}.", word.upper()) == 1.0
    assert graders.cased_word(word, word.upper()) == 0.0


@pytest.mark.parametrize("text", ["positive", "Positive.", "The sentiment is positive.\nWhy? ..."])
def test_label_accepts_the_one_label_named(text: str) -> None:
    assert graders.label(text, "positive", ("positive", "negative")) == 1.0


@pytest.mark.parametrize(
    "text",
    ["negative", "positive or negative", "It is not positive.", "", "\n", "positively good"],
)
def test_label_rejects_others_both_and_denials(text: str) -> None:
    assert graders.label(text, "positive", ("positive", "negative")) == 0.0


def test_a_plain_no_may_go_on_to_deny() -> None:
    assert graders.label("No, it is not.", "no", ("yes", "no")) == 1.0


@given(st.lists(WORDS, min_size=2, max_size=4, unique=True))
def test_sequence_minds_order_but_not_separators(words: list[str]) -> None:
    reference = ", ".join(words)
    for text in (reference, " ".join(words), f"The sorted list is {reference}."):
        assert graders.sequence(text, reference) == 1.0
    assert graders.sequence(f"In order: {words[0]} and {', '.join(words[1:])}", reference) == 1.0
    assert graders.sequence(", ".join(reversed(words)), reference) == 0.0
    assert graders.sequence(", ".join(words[:-1]), reference) == 0.0


@given(FIELDS)
def test_json_fields_accepts_the_object_in_any_layout(fields: dict[str, str | int]) -> None:
    reference = json.dumps(fields)
    as_text = json.dumps({key: str(value).upper() for key, value in fields.items()})
    for text in (reference, json.dumps(fields, indent=2), f"Here:\n```json\n{as_text}\n```"):
        assert graders.json_fields(text, reference) == 1.0


@given(FIELDS, WORDS)
def test_json_fields_gives_the_share_that_agrees(fields: dict[str, str | int], key: str) -> None:
    assume(key not in fields)
    reference = json.dumps(fields)
    with_extra = json.dumps({**fields, key: "more"})
    assert graders.json_fields(with_extra, reference) == len(fields) / (len(fields) + 1)
    all_wrong = json.dumps(dict.fromkeys(fields, "none of these"))
    assert graders.json_fields(all_wrong, reference) == 0.0


@pytest.mark.parametrize("text", ["", "{", "name: Ann", '["Ann"]', '{"name": ', "{}"])
def test_json_fields_gives_nothing_for_what_is_no_object(text: str) -> None:
    assert graders.json_fields(text, '{"name": "Ann"}') == 0.0


@given(st.text(max_size=60))
def test_every_grader_scores_any_text(text: str) -> None:
    for name, grader in graders.GRADERS.items():
        reference = '{"a": 1}' if name == "json_fields" else "7"
        assert 0.0 <= grader(text, reference) <= 1.0
    assert 0.0 <= graders.label(text, "yes", ("yes", "no")) <= 1.0
