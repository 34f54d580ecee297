"""What every grader promises, for all of them; then what each one is about."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import socket
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finerouter.collecting import GRADERS, JUDGES, Panel, Prompt, build_grader
from finerouter.collecting.asker import Missing
from finerouter.collecting.graders import Given, Grade, Grader, code_tests, regex
from finerouter.collecting.graders.choice import named_letter
from finerouter.collecting.graders.code_tests import code_of
from finerouter.collecting.graders.overlap import common_subsequence
from finerouter.collecting.graders.pairwise import read_better
from finerouter.collecting.graders.rubric import read_mark
from finerouter.collecting.journal import Kept
from finerouter.collecting.sandbox import Limits, refusal, run_program
from finerouter.errors import ConfigError
from finerouter.pool import Model, ModelPool
from finerouter.upstream.apis import Answer

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9).filter(
    lambda word: word not in {"is", "are", "and", "to", "as", "be", "in", "or", "not", "was"}
)
NUMBERS = st.integers(min_value=0, max_value=5000)
FIELDS = st.dictionaries(WORDS, st.one_of(NUMBERS, WORDS), min_size=1, max_size=3)


def prompt(reference: Any = None, **fields: Any) -> Prompt:
    references = reference if isinstance(reference, list) else [reference]
    texts = tuple(str(each) for each in references if each is not None)
    return Prompt("p", "What?", references=texts, fields=fields)


def as_wanted(row: dict[str, Any], text: str) -> float:
    """A user's grader."""
    return float(text == row["wanted"])


COMMAND = (
    "import json, sys; row = json.load(sys.stdin); "
    "print(json.dumps({'score': float(row['answer'] == row['wanted']), 'reason': 'told'}))"
)
# Each grader with a prompt, an answer worth 1, and one worth 0.
CASES: dict[str, tuple[str, Prompt, str, str]] = {
    "exact": ("exact", prompt("Paris"), " Paris\n", "paris"),
    "normalised": ("normalised", prompt("The Beatles!"), "beatles", "the beetles"),
    "stated": ("stated", prompt(["Paris", "paris city"]), "It is Paris.", "Not Paris, no."),
    "contains": ("contains", prompt("C++"), "I like c++ best", "I like C best"),
    "choice": ("choice", prompt("B"), "The answer is (B).", "A"),
    "label": ("label", prompt("yes", choices=["yes", "no"]), "Yes.", "yes or no"),
    "numeric": ("numeric", prompt("18"), "9 * 2 = $18 a day", "19"),
    "sequence": ("sequence", prompt("1, 2"), "1 and 2", "2, 1"),
    "regex": ("regex:^\\d+$", prompt(), "12", "twelve"),
    "json-schema": ("json-schema", prompt(schema=SCHEMA), '{"a": 1}', '{"a": "x"}'),
    "json-fields": ("json-fields", prompt('{"a": 1}'), '{"a": "1"}', '{"a": 2}'),
    "f1": ("f1", prompt("the red cat"), "cat the red", "blue dog"),
    "rouge-l": ("rouge-l", prompt("the red cat"), "the red cat", "blue dog"),
    "tests": (
        "tests:timeout=5",
        prompt(tests="assert double(4) == 8"),
        "Here:\n```python\ndef double(x):\n    return 2 * x\n```",
        "def double(x): return x",
    ),
    "function": (
        "function:tests.collecting.test_graders:as_wanted",
        prompt(wanted="yes"),
        "yes",
        "no",
    ),
    "command": (f'command:{sys.executable} -c "{COMMAND}"', prompt(wanted="yes"), "yes", "no"),
}
MODEL = Model("judged", family="own")


async def nobody(model: Model, question: str) -> Kept | Missing:
    raise AssertionError(f"{model} was asked {question}")


def grade(grader: Grader, asked: Prompt, text: str) -> Grade:
    (found,) = asyncio.run(grader.grade(asked, [Given(MODEL, text)], nobody))
    return found


def score(spec: str, asked: Prompt, text: str) -> float | None:
    return grade(build_grader(spec), asked, text).score


# The contract.


def test_every_grader_has_a_case() -> None:
    assert CASES.keys() == GRADERS.keys()


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Grader, Prompt, str, str]:
    spec, asked, right, wrong = CASES[request.param]
    return build_grader(spec), asked, right, wrong


def test_right_is_one_and_wrong_is_zero(case) -> None:
    grader, asked, right, wrong = case
    assert grader.lacks(asked) is None
    assert grade(grader, asked, right).score == 1.0
    assert grade(grader, asked, wrong).score == 0.0


def test_every_grade_has_a_reason_and_is_in_range_or_missing(case) -> None:
    grader, asked, right, wrong = case
    for text in (right, wrong, "", "\ud800 \x00 }{", "é" * 3000, "[" * 3000, "Answer: A. 7 ```"):
        found = grade(grader, asked, text)
        assert found.reason
        assert found.score is None or 0.0 <= found.score <= 1.0


def test_the_same_answers_get_the_same_grades_in_their_order(case) -> None:
    grader, asked, right, wrong = case
    answers = [Given(MODEL, text) for text in (wrong, right, wrong)]
    found = [asyncio.run(grader.grade(asked, answers, nobody)) for _ in range(2)]
    assert found[0] == found[1]
    assert [each.score for each in found[0]] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1].references])
def test_a_prompt_without_a_reference_is_told(name: str) -> None:
    grader = build_grader(CASES[name][0])
    bare = Prompt("p", "What?", fields=CASES[name][1].fields)
    assert "has no reference" in str(grader.lacks(bare))


@pytest.mark.parametrize("name", ["exact", "label", "f1", "numeric", "stated", "tests", "contains"])
def test_an_unknown_option_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match=f"grader {name}: 'wild' is no option"):
        build_grader(f"{name}:wild")


def test_an_unknown_grader_is_told() -> None:
    with pytest.raises(ConfigError, match="no grader 'exactly'; there are exact, "):
        build_grader("exactly")


@given(text=st.text(max_size=80))
def test_pure_graders_take_any_text(text: str) -> None:
    for name, (spec, asked, _, _) in CASES.items():
        if name not in ("tests", "function", "command"):
            found = grade(build_grader(spec), asked, text)
            assert found.score is not None
            assert 0.0 <= found.score <= 1.0


# By row.


def test_each_row_may_name_its_own() -> None:
    grader = build_grader("by-row")
    assert grade(grader, prompt("18", grader="numeric"), "It is 18").score == 1.0
    assert grade(grader, prompt("18", grader="exact"), "It is 18").score == 0.0
    assert "no grader" in str(grader.lacks(prompt("18")))
    assert "there is no grader" in str(grader.lacks(prompt("18", grader="mine")))
    # A file of prompts must not name programs to run.
    assert "only be named on the command line" in str(grader.lacks(prompt(grader="command:rm x")))


# Numbers.


@given(NUMBERS)
def test_number_is_read_from_any_sentence(n: int) -> None:
    for text in (f"{n}", f" {n}.", f"The answer is {n}.", f"4 + 1 = {n} apples", f"{n:,}"):
        assert score("numeric:stated", prompt(n), text) == 1.0
    assert score("numeric", prompt(n), f"First 7, then 8. Answer: {n}") == 1.0
    assert score("numeric", prompt(n), f"so \\boxed{{{n}}}, not 9999") == 1.0
    assert score("numeric", prompt(n), f"7 and 8\n#### {n}") == 1.0


@given(NUMBERS, NUMBERS)
def test_another_number_is_wrong(n: int, other: int) -> None:
    assume(n != other)
    assert score("numeric", prompt(n), f"The answer is {other}.") == 0.0
    assert score("numeric", prompt(n), f"It is {n}. Answer: {other}") == 0.0


def test_an_unmarked_number_among_others_must_be_stated_as_a_result() -> None:
    assert score("numeric:stated", prompt(12), "7 and 5 apples, so Ann has 12 apples.") == 1.0
    assert score("numeric:stated", prompt(12), "To find the minimum of 90 and 12,") == 0.0
    assert score("numeric", prompt(12), "To find the minimum of 90 and 12,") == 1.0


def test_number_words_count_where_there_are_no_digits() -> None:
    assert score("numeric", prompt(8), "A spider has eight legs.") == 1.0
    assert score("numeric", prompt(1), "One spider has 6 legs.") == 0.0
    assert score("numeric", prompt(0), "I do not know.") == 0.0


@pytest.mark.parametrize(("answer", "right"), [("101", 1.0), ("98.9", 0.0), ("99", 1.0)])
def test_tolerance_is_a_share_of_the_reference(answer: str, right: float) -> None:
    assert score("numeric:tolerance=0.01", prompt(100), answer) == right


@pytest.mark.parametrize("tolerance", ["inf", "nan", "-1"])
def test_a_tolerance_that_tolerates_all_or_nothing_is_told(tolerance: str) -> None:
    with pytest.raises(ConfigError, match="tolerance must be 0 or more"):
        build_grader(f"numeric:tolerance={tolerance}")


def test_a_reference_that_is_no_number_is_told() -> None:
    assert "is no number" in str(build_grader("numeric").lacks(prompt("twenty or so")))


# Words, letters, lists, JSON.


@given(WORDS, WORDS)
def test_stated_accepts_bare_quoted_and_stated_words(word: str, subject: str) -> None:
    for text in (
        word,
        f" {word.upper()}.",
        f'"{word}"',
        f"The {word}.",
        f"The opposite of {subject} is {word}.",
        f'The word {subject} means "{word}" in English.',
        f"Well. Answer: {word}",
    ):
        assert score("stated", prompt(word), text) == 1.0


@given(WORDS, WORDS)
def test_stated_rejects_another_word_and_a_mere_mention(word: str, other: str) -> None:
    assume(word != other and not word.endswith(other) and not other.endswith(word))
    for text in (other, f"The answer is {other}.", f"{word} or {other}", f"I like {word}", ""):
        assert score("stated", prompt(word), text) == 0.0


def test_stated_takes_any_reference_and_minds_the_case_if_told() -> None:
    assert score("stated", prompt(["small", "little"]), "little") == 1.0
    assert score("stated:cased", prompt("PARIS"), "It is PARIS.") == 1.0
    assert score("stated:cased", prompt("PARIS"), "Paris") == 0.0


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("(c)", "C"),
        ("**D**", "D"),
        ("B. Because it is", "B"),
        ("The correct answer is C.", "C"),
        ("Answer: (a)", "A"),
        ("I think A is wrong, so the answer is **B**", "B"),
        ("\\boxed{\\text{E}}", "E"),
        ("Between (A) and (C)", None),
        ("A dog barked", None),
        ("", None),
        ("answer: because", None),
    ],
)
def test_letters_are_read(text: str, letter: str | None) -> None:
    assert named_letter(text) == letter


def test_a_choice_may_be_given_by_its_number() -> None:
    assert score("choice", prompt("2"), "C") == 1.0
    assert score("choice", prompt("(c)"), "C") == 1.0


@pytest.mark.parametrize(
    "text", ["negative", "positive or negative", "It is not positive.", "", "\n", "positively good"]
)
def test_label_rejects_others_both_and_denials(text: str) -> None:
    asked = prompt("positive", choices="positive|negative")
    assert score("label", asked, "The sentiment is positive.\nWhy? ...") == 1.0
    assert score("label", asked, text) == 0.0


def test_a_plain_no_may_go_on_to_deny() -> None:
    assert score("label", prompt("no", choices='["yes", "no"]'), "No, it is not.") == 1.0


@pytest.mark.parametrize(
    ("reference", "text", "right"),
    [
        ("very good", "It is very good.", 1.0),
        ("very good", "Very  good", 1.0),
        ("good", "very good", 0.0),
        ("good", "Good!", 1.0),
        ("very good", "good", 0.0),
        ("not toxic", "This is not toxic.", 1.0),
        ("toxic", "This is not toxic.", 0.0),
        ("good", "good, not very good", 0.0),
        ("N/A", "Answer: n/a", 1.0),
        ("Very Good", "very good", 1.0),
        ("good.", "good", 1.0),
    ],
)
def test_a_label_may_have_several_words(reference: str, text: str, right: float) -> None:
    asked = prompt(reference, choices=["good", "very good", "not toxic", "toxic", "N/A"])
    assert build_grader("label").lacks(asked) is None
    assert score("label", asked, text) == right


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), min_size=2, max_size=5))
def test_every_label_names_itself(choices: list[str]) -> None:
    for choice in choices:
        asked = prompt(choice, choices=choices)
        assert score("label", asked, f"**{choice.upper()}**.") == 1.0


@pytest.mark.parametrize(
    ("spec", "reference", "choices"),
    [
        ("label", "maybe", ["yes", "no"]),
        ("label", ["yes", "maybe"], "yes|no"),
        ("label", "?", ["?", "yes"]),
        ("label", "yes", '"yes"'),
        ("label", "yes", "5"),
        ("choice", "E", ["a", "b", "c", "d"]),
        ("choice", "4", '["a", "b", "c", "d"]'),
    ],
)
def test_a_reference_that_is_no_choice_is_told(spec: str, reference: Any, choices: Any) -> None:
    told = str(build_grader(spec).lacks(prompt(reference, choices=choices)))
    assert "choices" in told


@pytest.mark.parametrize("reference", ["D", "3", "(d)"])
def test_a_choices_letter_is_one_of_its_row(reference: str) -> None:
    asked = prompt(reference, choices=["a", "b", "c", "d"])
    assert build_grader("choice").lacks(asked) is None
    assert score("choice", asked, "The answer is D") == 1.0


@given(st.lists(WORDS, min_size=2, max_size=4, unique=True))
def test_sequence_minds_order_but_not_separators(words: list[str]) -> None:
    asked = prompt(", ".join(words))
    for text in (", ".join(words), " ".join(words), f"The sorted list is {', '.join(words)}."):
        assert score("sequence", asked, text) == 1.0
    assert score("sequence", asked, ", ".join(reversed(words))) == 0.0
    assert score("sequence", asked, ", ".join(words[:-1])) == 0.0


@given(FIELDS, WORDS)
def test_json_fields_gives_the_share_that_agrees(fields: dict[str, Any], key: str) -> None:
    assume(key not in fields)
    asked = prompt(json.dumps(fields))
    loud = json.dumps({name: str(value).upper() for name, value in fields.items()})
    for text in (json.dumps(fields, indent=2), f"Here:\n```json\n{loud}\n```"):
        assert score("json-fields", asked, text) == 1.0
    with_extra = json.dumps({**fields, key: "more"})
    assert score("json-fields", asked, with_extra) == len(fields) / (len(fields) + 1)
    assert score("json-fields", asked, json.dumps(dict.fromkeys(fields, "none of these"))) == 0.0


def test_a_schema_may_be_a_file_and_must_be_one(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    assert score(f"json-schema:{path}", prompt(), 'Sure: ```json\n{"a": 3}\n```') == 1.0
    path.write_text('{"type": "nothing"}')
    with pytest.raises(ConfigError, match="is no JSON schema"):
        build_grader(f"json-schema:{path}")
    assert "is no JSON schema" in str(build_grader("json-schema").lacks(prompt(schema={"type": 3})))


def test_contains_may_want_all() -> None:
    asked = prompt(["red", "blue"])
    assert score("contains", asked, "A red one") == 1.0
    assert score("contains:all", asked, "A red one") == 0.0
    assert score("contains:all", asked, "Blue and red") == 1.0
    assert score("contains", prompt("art"), "start") == 0.0


def test_overlap_is_what_the_formula_says() -> None:
    asked = prompt("police killed the gunman")
    # Lin (2004), section 3: three of four words in order; two of four.
    assert score("rouge-l", asked, "police kill the gunman") == pytest.approx(0.75)
    assert score("rouge-l", asked, "the gunman kill police") == pytest.approx(0.5)
    assert score("f1", asked, "the gunman kill police") == pytest.approx(0.75)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_common_subsequence_is_the_longest(left: list[str], right: list[str]) -> None:
    rows = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            longest = max(rows[i][j + 1], rows[i + 1][j])
            rows[i + 1][j + 1] = rows[i][j] + 1 if one == other else longest
    assert common_subsequence(left, right) == rows[-1][-1]


def test_a_bad_pattern_is_told() -> None:
    with pytest.raises(ConfigError, match="is no regular expression"):
        build_grader("regex:(")
    assert "is no regular expression" in str(build_grader("regex").lacks(prompt("(")))


ENDLESS, LONG = "(a+)+$", "a" * 40 + "b"


def test_a_pattern_that_backtracks_without_end_gives_no_score() -> None:
    grader = regex.build("", most_s=0.2)
    asked = prompt(ENDLESS)
    texts = ["aaa", LONG, "aa", "b"]
    answers = [Given(MODEL, text) for text in texts]
    found = asyncio.run(grader.grade(asked, answers, nobody))
    assert [each.score for each in found] == [1.0, None, 1.0, 0.0]
    assert found[1].reason == "the search for '(a+)+$' took too long"
    # Another reference may still be found, and an endless one is not a wrong one.
    assert grade(grader, prompt([ENDLESS, "b$"]), LONG).score == 1.0
    assert grade(grader, prompt(["c", ENDLESS]), LONG).score is None
    assert grade(regex.build(ENDLESS, most_s=0.2), prompt(), LONG).score is None


@pytest.mark.parametrize("pattern", ["(" * 5000 + ")" * 5000, "a{99999999999999999999}"])
def test_a_pattern_that_cannot_be_compiled_is_told(pattern: str) -> None:
    assert "is no regular expression" in str(build_grader("regex").lacks(prompt(pattern)))
    with pytest.raises(ConfigError, match="is no regular expression"):
        build_grader(f"regex:{pattern}")


def test_a_pattern_is_searched_in_any_text() -> None:
    for text in ("\ud800", "\x00\n\r", "é" * 70_000):
        assert score("regex", prompt(re.escape(text)), text) == 1.0


# Users' own.


NONSENSE = [
    *("nonsense", "2", "-0.1", "null", '{"score": "high"}', "NaN", "Infinity", "", "true"),
    *('"1"', "[1]", "[1, 2]", "[]", "{}", '{"score": [1]}', '{"score": true}', '{"score": {}}'),
    *("1" + "0" * 400, "1" * 5000, '{"score": "1", "reason": 3}', "[" * 100_000, "1 1"),
]


@pytest.mark.parametrize("given_back", NONSENSE, ids=lambda text: text[:20])
def test_a_command_that_answers_nonsense_gives_no_score(tmp_path: Path, given_back: str) -> None:
    (tmp_path / "said").write_text(given_back)
    script = tmp_path / "grade.sh"
    script.write_text(f"cat > /dev/null\ncat {tmp_path}/said\n")
    found = grade(build_grader(f"command:sh {script}"), prompt(), "x")
    assert found.score is None
    assert "grader failed" not in found.reason
    assert 0 < len(found.reason) < 200


@pytest.mark.parametrize("reason", ["null", "[1]", '{"a": 1}', "7", "true"])
def test_a_command_may_give_any_reason(tmp_path: Path, reason: str) -> None:
    (tmp_path / "said").write_text(f'{{"score": 0.5, "reason": {reason}}}')
    spec = f"command:sh -c 'cat > /dev/null; cat {tmp_path}/said'"
    assert score(spec, prompt(), "x") == 0.5


def test_a_command_gets_rows_with_values_that_json_lacks() -> None:
    spec, asked, right, _ = CASES["command"]
    dated = Prompt("p", "What?", fields={**asked.fields, "day": date(2026, 1, 2), "raw": b"x"})
    assert score(spec, dated, right) == 1.0


def returns_as_told(row: dict[str, Any], _: str) -> Any:
    return row["given"]


@pytest.mark.parametrize(
    "given",
    ["1", b"1", [1], 10**400, 10**5000, -1, float("nan"), {}, 1j],
    ids=lambda given: type(given).__name__,
)
def test_a_function_that_returns_no_score_gives_none(given: Any) -> None:
    grader = build_grader("function:tests.collecting.test_graders:returns_as_told")
    found = grade(grader, prompt(given=given), "x")
    assert found.score is None
    assert "no number from 0 to 1" in found.reason
    assert len(found.reason) < 200
    assert grade(grader, prompt(given=True), "x").score == 1.0


def test_a_command_that_fails_gives_no_score() -> None:
    found = grade(
        build_grader("command:sh -c 'cat > /dev/null; echo why >&2; exit 3'"), prompt(), "x"
    )
    assert found == Grade(None, "the command ended with 3: 'why'")


def raises(_: dict[str, Any], __: str) -> float:
    raise RuntimeError("broken")


def test_a_function_that_fails_gives_no_score() -> None:
    found = grade(build_grader("function:tests.collecting.test_graders:raises"), prompt(), "x")
    assert found.score is None
    assert "RuntimeError: broken" in found.reason


@pytest.mark.parametrize(
    "spec",
    ["function:json", "function:nowhere:f", "function:json:f", "command:", "command:no-such-x"],
)
def test_what_is_not_there_is_told_before_anything_is_spent(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"grader (function|command): "):
        build_grader(spec)


# Code.


def test_tests_may_be_a_list_and_give_the_share_that_passes() -> None:
    asked = prompt(tests=["assert f(1) == 1", "assert f(2) == 4", "assert f(3) == 9"])
    code = "```python\ndef f(x):\n    return x * x if x < 3 else 0\n```"
    assert score("tests", asked, code) == pytest.approx(2 / 3)
    assert code_of("no code at all") == "no code at all"
    assert (
        score("tests", prompt(tests="assert f(2) == 4", prefix="def f(x):"), "    return x*x") == 1
    )


@pytest.mark.parametrize(
    "code",
    ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit", "print('passed')"],
)
def test_code_cannot_pass_by_ending_early(code: str) -> None:
    assert score("tests", prompt(tests="assert f() == 1"), code) == 0.0


def test_endless_and_greedy_code_is_stopped() -> None:
    asked = prompt(tests="assert f() == 1")
    found = grade(build_grader("tests:timeout=1"), asked, "while True: pass")
    assert found == Grade(0.0, "0 of 1 tests pass: out of time")
    assert score("tests:memory=200", asked, "x = 'a' * 10**9") == 0.0
    assert score("tests:timeout=2", asked, "while True: print('x' * 1000)") == 0.0


needs_namespaces = pytest.mark.skipif(
    bool(refusal()), reason="this kernel gives no sandbox; code runs with limits alone"
)


@needs_namespaces
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
        "open('{folder}/evil', 'w')",
        "import os; os.remove('{folder}/mine')",
        "import os; os.kill({pid}, 0)",
        "open('/proc/{pid}/environ').read()",
        "import ctypes; assert not ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None)",
        "open('big', 'wb').write(b'x' * 10**8)",
    ],
)
def test_code_reaches_nothing_outside(server, tmp_path: Path, code: str) -> None:
    (tmp_path / "mine").write_text("kept")
    program = code.format(port=server.port, folder=tmp_path, pid=os.getpid())
    ended = run_program(program, Limits(5.0, 256))
    assert ended.code != 0
    assert not ended.trouble
    assert not ended.complete
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@needs_namespaces
def test_code_may_write_its_own_folder_and_leaves_nothing_running() -> None:
    code = (
        "import os, subprocess, sys\n"
        "open('mine', 'w').write('x')\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(open('mine').read(), os.getpid())"
    )
    ended = run_program(code, Limits(5.0, 512))
    assert (ended.code, ended.output) == (0, "x 1\n")


@needs_namespaces
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
@pytest.mark.parametrize(
    "made",
    [
        "socket.socket(socket.AF_UNIX, {kind})",
        # A datagram socket of a pair may turn to another address.
        "socket.socketpair(socket.AF_UNIX, {kind})[0]",
    ],
)
def test_code_reaches_no_socket_that_is_a_file(tmp_path: Path, kind: int, made: str) -> None:
    path = str(tmp_path / "service")
    with socket.socket(socket.AF_UNIX, kind) as service:
        service.bind(path)
        if kind != socket.SOCK_DGRAM:
            service.listen()
        service.settimeout(0.2)
        program = (
            f"import socket\nmine = {made.format(kind=int(kind))}\n"
            f"mine.connect({path!r})\nmine.send(b'reached')\n"
        )
        ended = run_program(program, Limits(5.0, 256))
        assert not ended.complete
        assert "Error" in ended.output
        with pytest.raises(TimeoutError):
            service.recv(10) if kind == socket.SOCK_DGRAM else service.accept()


@needs_namespaces
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "import ctypes; assert ctypes.CDLL(None).syscall(425, 1, 0) != -1",
        "import os; os.open('/dev/kmsg', os.O_WRONLY)",
        "import os; os.open('/dev/tty', os.O_RDWR)",
    ],
)
def test_code_gets_no_other_way_out(code: str) -> None:
    ended = run_program(code, Limits(5.0, 256))
    assert not ended.complete
    assert "Error" in ended.output


ORDINARY = {
    "subprocess": "import subprocess, sys\n"
    "run = subprocess.run([sys.executable, '-c', '1'], stdin=subprocess.DEVNULL)\n"
    "assert run.returncode == 0",
    "asyncio": "import asyncio\nasync def f(): return 3\nassert asyncio.run(f()) == 3",
    "multiprocessing": "import multiprocessing\n"
    "with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]",
    "spawn": "import multiprocessing\nif __name__ == '__main__':\n"
    "    one = multiprocessing.get_context('spawn').Process(target=print)\n"
    "    one.start(); one.join(); assert one.exitcode == 0",
    "pickle": "import pickle\nclass A: pass\nassert type(pickle.loads(pickle.dumps(A()))) is A",
    "inspect": "import inspect\ndef f(): return 1\nassert 'return 1' in inspect.getsource(f)",
    "future": "from __future__ import annotations\ndef f(x: nothing): return x",
    "no future": "def f(x: int): return x\nassert f.__annotations__ == {'x': int}",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n"
    "    def test(self): self.assertEqual(__name__, '__main__')\n"
    "assert unittest.main(exit=False).result.testsRun == 1",
    "stdin": "import sys\nassert sys.stdin.read() == ''",
    "argv": "import sys\nassert sys.argv == [__file__]",
    "random": "import os, sqlite3, tempfile\nassert len(open('/dev/urandom', 'rb').read(4)) == 4\n"
    "sqlite3.connect('x.db').execute('create table t (a)')\ntempfile.NamedTemporaryFile()",
}


@pytest.mark.parametrize("code", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_programs_run(code: str) -> None:
    ended = run_program(code, Limits(10.0, 512), open_network=bool(refusal()))
    assert (ended.code, ended.complete, ended.trouble) == (0, True, ""), ended.output


@pytest.mark.parametrize("code", [1, 97, 126, 127, 137, 255])
def test_no_exit_code_passes_for_a_failure_of_the_sandbox(code: int) -> None:
    asked = prompt(tests="assert f() == 1")
    assert score("tests", asked, f"import os; os._exit({code})") == 0.0


def test_nothing_written_passes_for_the_end() -> None:
    cheat = (
        "import os\n"
        "source = open(__file__).read()\n"
        "for descriptor in range(1, 20):\n"
        "    try: os.write(descriptor, b'started\\n' + source.encode())\n"
        "    except OSError: pass\n"
        "print(source.split(chr(39))[-2], flush=True)\n"
        "os._exit(0)"
    )
    assert score("tests", prompt(tests="assert 'False' == 'True'"), cheat) == 0.0


@pytest.mark.parametrize("option", ["memory=5", "timeout=0.0001", "timeout=inf", "memory=0"])
def test_limits_within_which_nothing_runs_are_told(option: str) -> None:
    with pytest.raises(ConfigError, match="grader tests: nothing can run within the limits"):
        build_grader(f"tests:{option}")


def test_a_sandbox_that_fails_gives_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    grader = build_grader("tests")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    found = grade(grader, prompt(tests=["assert True", "assert False"]), "x = 1")
    assert found.score is None
    assert found.reason.startswith("the sandbox failed: Python did not start (exit code 1)")


def test_a_processor_without_a_filter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal.cache_clear()
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    try:
        assert "written for pdp11" in refusal() or sys.platform != "linux"
        with pytest.raises(ConfigError, match="accept that with tests:open"):
            build_grader("tests")
    finally:
        refusal.cache_clear()


def test_without_namespaces_code_is_refused_unless_that_is_accepted(monkeypatch) -> None:
    monkeypatch.setattr(code_tests, "refusal", lambda: "no namespaces")
    with pytest.raises(ConfigError, match="accept that with tests:open"):
        build_grader("tests")
    grader = build_grader("tests:open")
    assert "network" in grader.notes()[0]
    asked = prompt(tests="assert f() == 1")
    assert grade(grader, asked, "def f(): return 1").score == 1.0


# Judges.


def panel(*families: str) -> Panel:
    judges = [Model(f"judge-{family}", family=family) for family in families]
    return Panel(ModelPool(tuple(judges)), "short is good")


def judged(spec: str, answers: dict[str, str], says, *families: str):
    """Grades, questions asked of each judge, and notes."""
    asked: list[tuple[str, str]] = []

    async def ask(judge: Model, question: str) -> Kept | Missing:
        asked.append((judge.model, question))
        text = says(judge.model, question)
        return Missing("down") if text is None else Kept(Answer(text, "stop", None), 0.0)

    grader = build_grader(spec, panel(*families))
    given = [Given(Model(name, family=name), text) for name, text in answers.items()]
    grades = asyncio.run(grader.grade(prompt("42", rubric="be right"), given, ask))
    return grades, asked, list(grader.notes())


def prefers_long(_: str, question: str) -> str:
    first, second = question.split("<answer_b>")
    length = [
        len(part.split("<answer_")[-1].split("</answer")[0].strip()) for part in (first, second)
    ]
    return (
        f"Better: {'A' if length[0] > length[1] + 4 else 'B' if length[1] > length[0] else 'equal'}"
    )


def test_a_rubric_is_marked_by_every_judge() -> None:
    marks = {"judge-x": "Fine.\nMark: 8", "judge-y": "Mark: 6/10"}
    grades, asked, notes = judged("rubric", {"m": "42"}, lambda judge, _: marks[judge], "x", "y")
    assert grades[0].score == pytest.approx(0.7)
    assert "judge-x: 0.8" in grades[0].reason
    assert "be right" in asked[0][1]
    assert "<right_answer>\n42" in asked[0][1]
    assert notes == [
        "judges: 2 of 2 verdicts could be read",
        "judges: two of them agreed on 0% of 1 comparisons, mean difference 0.20 on the scale of "
        "0 to 1",
    ]


@pytest.mark.parametrize("text", [None, "", "Very good!", "Mark: 11", "Mark: -3", "Mark: ten", "8"])
def test_a_judge_that_answers_nonsense_is_missing(text: str | None) -> None:
    grades, _, notes = judged("rubric", {"m": "x"}, lambda *_: text, "x")
    assert grades[0].score is None
    assert notes == ["judges: 0 of 1 verdicts could be read"]
    both, _, _ = judged(
        "rubric", {"m": "x"}, lambda j, _: "Mark: 4" if j == "judge-y" else text, "x", "y"
    )
    assert both[0].score == pytest.approx(0.4)


def test_no_judge_judges_its_own_family() -> None:
    grades, asked, _ = judged("rubric", {"x": "1", "m": "2"}, lambda *_: "Mark: 5", "x", "y")
    assert sorted(judge for judge, _ in asked) == ["judge-x", "judge-y", "judge-y"]
    alone, asked, _ = judged("rubric", {"x": "1"}, lambda *_: "Mark: 5", "x")
    assert alone == [Grade(None, "no judge of another family")]
    assert not asked
    assert all(grade.score == 0.5 for grade in grades)


@pytest.mark.parametrize(
    ("judges", "told"), [(("x",), "only judges of its own family"), (("",), "has no family")]
)
def test_families_are_checked_before_anything_is_spent(judges: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        panel(*judges).check([Model("m", family="x")])
    panel("x", "y").check([Model("m", family="x")])


def test_pairs_are_compared_in_both_orders() -> None:
    answers = {"a": "short", "b": "quite a bit longer", "c": "by far the longest of all answers"}
    grades, asked, notes = judged("pairwise", answers, prefers_long, "x")
    assert [grade.score for grade in grades] == [0.0, 0.5, 1.0]
    assert len(asked) == 6
    assert notes[-1] == "judges: 3 of 3 said the same with the answers swapped"


def test_a_judge_that_favours_a_place_gives_ties() -> None:
    grades, _, notes = judged("pairwise", {"a": "1", "b": "2"}, lambda *_: "Better: A", "x")
    assert [grade.score for grade in grades] == [0.5, 0.5]
    assert notes[-1] == "judges: 0 of 1 said the same with the answers swapped"


def test_all_may_be_compared_with_one_model() -> None:
    answers = {"a": "short", "b": "quite a bit longer", "c": "by far the longest of all answers"}
    grades, asked, _ = judged("pairwise:b", answers, prefers_long, "x")
    assert [grade.score for grade in grades] == [0.0, 0.5, 1.0]
    assert len(asked) == 4


def test_an_answer_alone_or_an_unreadable_verdict_is_missing() -> None:
    alone, _, _ = judged("pairwise", {"a": "1"}, prefers_long, "x")
    assert alone == [Grade(None, "compared with no other answer")]
    nonsense, _, _ = judged("pairwise", {"a": "1", "b": "2"}, lambda *_: "Hm", "x")
    assert [grade.score for grade in nonsense] == [None, None]
    half, _, _ = judged(
        "pairwise", {"a": "1", "b": "2"}, lambda _, q: "Better: A" if "_a>\n1" in q else None, "x"
    )
    assert half == [Grade(None, "no verdict could be read (judge-x: down)")] * 2


def of_families(*families: str) -> list[Model]:
    return [Model(f"m-{family}", family=family) for family in families]


def test_pairs_that_no_judge_may_compare_are_told_before_asking() -> None:
    grader = build_grader("pairwise", panel("x", "y"))
    (doubt,) = grader.doubts([prompt()], of_families("x", "y", "z"))
    assert doubt == (
        "judges: all are kin to one of the two in 1 of 3 pairs of models, which will not be "
        "compared (m-x and m-y); a judge of another family would compare them"
    )
    assert not grader.doubts([prompt()], of_families("x", "z", "v"))
    assert not build_grader("pairwise:m-z", panel("x", "y")).doubts([], of_families("x", "y", "z"))
    many = build_grader("pairwise", panel("x", "y")).doubts(
        [], of_families(*"x" * 3, *"y" * 3, "z")
    )
    assert "9 of 21 pairs" in many[0]
    assert "and 4 more" in many[0]


def test_pairs_without_a_judge_are_counted() -> None:
    answers = {"x": "short", "y": "quite a bit longer", "z": "by far the longest of all answers"}
    grades, asked, notes = judged("pairwise", answers, prefers_long, "x", "y")
    assert [grade.score for grade in grades] == [0.0, 0.0, 1.0]
    assert len(asked) == 4
    assert notes[-1] == "judges: 1 comparisons had no judge of another family"


@pytest.mark.parametrize(
    ("spec", "judges", "models", "told"),
    [
        ("pairwise:m-typo", "j", "xyz", "no model of the pool is called 'm-typo'; it has m-x, m-y"),
        ("pairwise", "j", "x", "'m-x' can be compared with no other"),
        ("pairwise", "xy", "xy", "'m-x' can be compared with no other"),
        ("pairwise:m-x", "xy", "xyz", "'m-y' can be compared with no other"),
        ("pairwise", "x", "xyz", "has only judges of its own family"),
        ("rubric", "x", "xyz", "has only judges of its own family"),
    ],
)
def test_models_that_cannot_be_judged_are_refused(
    spec: str, judges: str, models: str, told: str
) -> None:
    grader = build_grader(spec, panel(*judges))
    with pytest.raises(ConfigError, match=told):
        grader.doubts([prompt()], of_families(*models))
    rows = build_grader("by-row", panel(*judges))
    with pytest.raises(ConfigError, match=told):
        rows.doubts([prompt("1", grader="exact"), prompt(grader=spec)], of_families(*models))
    assert not rows.doubts([prompt("1", grader="exact")], of_families(*models))


def test_judges_need_a_panel() -> None:
    for name in JUDGES:
        with pytest.raises(ConfigError, match="give --judges FILE"):
            build_grader(name)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("Mark: 7", 0.7),
        ("**Mark:** 10/10", 1.0),
        ("Mark: 3\nMark: 4", 0.4),
        ("MARK = 0", 0.0),
        ("Mark: 7\nBenchmark 3", 0.7),
        ("Mark: [[8]]", 0.8),
        ('Mark: "8"', 0.8),
        ("- **Mark**: (8).", 0.8),
        ("`Mark: 7.5 out of 10`", 0.75),
        ("Mark: **8** / 10\n\n", 0.8),
    ],
)
def test_marks_are_read(text: str, mark: float) -> None:
    assert read_mark(text) == pytest.approx(mark)


@pytest.mark.parametrize(
    "text",
    [
        "I would mark 3 things wrong here, but cannot judge.",
        'I must write, as the last line, "Mark: N", where N is a whole number from 0 to 10.',
        "Mark: N",
        "Mark: 0 to 10",
        "Mark: 8-9",
        "Mark: 5.5.2",
        "Mark: 8/100",
        "Mark: 8, or 7",
        "Mark: 1*0",
        "mark 0",
        "Mark: 7\nMark: 8-9",
    ],
)
def test_what_only_looks_like_a_mark_is_none(text: str) -> None:
    assert read_mark(text) is None
    grades, _, notes = judged("rubric", {"m": "x"}, lambda *_: text, "x")
    assert grades == [Grade(None, "judge-x: said nothing that can be read")]
    assert notes == ["judges: 0 of 1 verdicts could be read"]


@pytest.mark.parametrize(
    ("text", "ahead"),
    [
        ("Better: A", 1.0),
        ("**Better: B**", 0.0),
        ("**Better:** B", 0.0),
        ("Better: equal.", 0.5),
        ("Better: Answer A", 1.0),
        ("Better: Assistant B", 0.0),
        ('> "Better = [[b]]"', 0.0),
        ("Better: A\nIt could be better. A bit.", 1.0),
        ("Better: A\n\nOn second thoughts:\nBetter: B", 0.0),
    ],
)
def test_verdicts_are_read(text: str, ahead: float) -> None:
    assert read_better(text) == ahead


@pytest.mark.parametrize(
    "text",
    [
        'I must write, as the last line, "Better: A", "Better: B" or "Better: equal".',
        '"Better: A", "Better: B" or "Better: equal".',
        "Better: A or B",
        "Better: A/B",
        "Better: a good answer would be",
        "Better: B is wrong, A is right",
        "Better: B. It is better, a lot.",
        "Better A",
        "A is better",
        "It could be better. A bit.",
        "Better: A\nBetter: B is wrong",
    ],
)
def test_what_only_looks_like_a_verdict_is_none(text: str) -> None:
    assert read_better(text) is None
    grades, _, notes = judged("pairwise", {"a": "1", "b": "2"}, lambda *_: text, "x")
    unread = "no verdict could be read (judge-x: said nothing that can be read)"
    assert grades == [Grade(None, unread)] * 2
    assert notes[0] == "judges: 0 of 1 verdicts could be read"


# Mistakes that once were


@pytest.mark.parametrize(
    ("spec", "asked", "text", "right"),
    [
        ("choice", prompt("B"), "The answer is a reptile, so B.", 1.0),
        ("choice", prompt("B"), "Answer: I think B", 1.0),
        ("choice", prompt("B"), "the answer is b", 1.0),
        ("label", prompt("No", choices=["Yes", "No"]), "No, it is not", 1.0),
        ("numeric", prompt("0.5"), "It is .5", 1.0),
        ("numeric", prompt("5"), "It is \u22125", 0.0),
        ("numeric", prompt("-5"), "It is \u22125", 1.0),
        ("numeric", prompt("12"), "between 10-12", 1.0),
        ("numeric", prompt("-3"), "x=-3", 1.0),
        ("stated", prompt("Paris."), "It is Paris.", 1.0),
        ("stated", prompt("(b)"), "(b)", 1.0),
        ("json-fields", prompt('{"a": null}'), '{"b": 1}', 0.0),
        ("json-fields", prompt('{"a": null}'), '{"a": null}', 1.0),
        ("json-fields", prompt('{"a": 1}'), '{"a": 1.0}', 1.0),
        ("json-fields", prompt('{"a": "NaN"}'), '{"a": "nan"}', 1.0),
        ("json-fields", prompt('{"a": 12345678901234567890}'), '{"a": 12345678901234567891}', 0.0),
        ("json-fields", prompt('{"a": {"x": 1, "y": [2]}}'), '{"a": {"y": ["2"], "x": 1}}', 1.0),
        ("json-fields", prompt('{"a": [1, 2]}'), '{"a": [2, 1]}', 0.0),
        ("json-fields", prompt('{"a": 1}'), 'In {braces}, or {}: {"a": 1}', 1.0),
        ("tests", prompt(tests="assert f == 1"), "```python\r\nf = 1\r\n```\r\n", 1.0),
        ("tests", prompt(tests=["", "assert f == 1"]), "f = 2", 0.0),
    ],
)
def test_answers_that_were_misread(spec: str, asked: Prompt, text: str, right: float) -> None:
    assert score(spec, asked, text) == right


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ("choice", prompt("Paris")),
        ("choice", prompt("10")),
        ("choice", prompt("?")),
        ("numeric", prompt("nan")),
        ("stated", prompt([""])),
        ("contains", prompt([" "])),
        ("normalised", prompt("!!!")),
        ("f1", prompt(["red", "++"])),
        ("rouge-l", prompt("++")),
        ("sequence", prompt("...")),
        ("tests", prompt(tests="assert f( == 1")),
        ("tests", prompt(tests=["", "\n"])),
        ("tests", prompt(tests=[{"in": 1}, "x y"])),
    ],
)
def test_a_reference_that_nobody_can_meet_is_told(spec: str, asked: Prompt) -> None:
    assert build_grader(spec).lacks(asked)


def test_a_grader_that_breaks_gives_no_score() -> None:
    dangling = prompt(None, schema={"$ref": "#/nowhere"})
    found = grade(build_grader("json-schema"), dangling, '{"a": 1}')
    assert found.score is None
    assert "failed" in found.reason


def test_a_row_that_a_grader_cannot_read_is_told() -> None:
    assert build_grader("json-schema").lacks(prompt(None, schema=5))


@needs_namespaces
def test_code_that_prints_its_own_source_does_not_pass() -> None:
    asked = prompt(None, tests="assert False")
    cheat = "import os\nprint(open(__file__).read(), flush=True)\nos._exit(0)"
    assert score("tests", asked, cheat) == 0.0


@needs_namespaces
def test_right_code_may_print_a_lot() -> None:
    asked = prompt(None, tests="assert answer == 4")
    assert score("tests", asked, "print('x' * 100_000)\nanswer = 4") == 1.0
