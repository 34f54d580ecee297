"""The pool's arms: a model with one fixed way of asking; gives `pool.toml`.

    python -m recipes.starter.arms > recipes/starter/pool.toml

A way of asking never sees the prompt's family. Its examples mix many kinds of question and are in
no dataset prompt. The wording was tuned on a pilot set drawn with another seed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from recipes.starter.weights import WEIGHTS

# Question, worked reasoning (none where it would only repeat the answer), answer.
_EXAMPLES = (
    ("What is 14 + 3?", "14 plus 3 is 17.", "17"),
    ("Say garage and nothing else.", "", "garage"),
    ("What is the opposite of tall?", "The opposite of tall is short.", "short"),
    (
        'Extract "name" and "city" as JSON: Walter lives in Oslo.',
        "The name is Walter and the city is Oslo.",
        '{"name": "Walter", "city": "Oslo"}',
    ),
    (
        "Classify the sentiment as positive or negative: The shoes fell apart at once.",
        "Shoes that fall apart are bad.",
        "negative",
    ),
    ("Which season comes after spring?", "Spring is followed by summer.", "summer"),
    ("Which is the largest number: 150, 820, 300?", "820 is more than 150 and 300.", "820"),
    ("Repeat the word lamp 3 times.", "", "lamp lamp lamp"),
    (
        'What does the Italian word "neve" mean in English?',
        "The Italian word neve means snow.",
        "snow",
    ),
    ("What does this Python code print? print(17 - 4)", "17 minus 4 is 13.", "13"),
    ("Is 130 larger than 250? Answer yes or no.", "130 is less than 250.", "no"),
    ("Copy this: seven old bikes", "The words are seven, old, bikes.", "seven old bikes"),
    ("What is the first letter of the word chimney?", "The letters are c h i m n e y.", "c"),
    (
        "Choose one topic from animals or money for this text: The bank is closed.",
        "A bank is about money.",
        "money",
    ),
    ("Put 31, 12, 24 in increasing order.", "The smallest is 12, then 24, then 31.", "12, 24, 31"),
    ("What number comes after 340?", "340 plus 1 is 341.", "341"),
    ("What city is mentioned? Walter lives in Oslo.", "The city is Oslo.", "Oslo"),
    ("What will print(250 < 90) show?", "250 is more than 90.", "False"),
    ("Is gold a metal? Answer yes or no.", "Gold is a metal.", "yes"),
    ("What is the capital of Mongolia?", "The capital of Mongolia is Ulaanbaatar.", "Ulaanbaatar"),
    (
        "Tom has 14 nuts and eats 3 of them. How many nuts are left?",
        "14 minus 3 is 11.",
        "11",
    ),
)
_BRIEF = "Answer in one short sentence."
_THINK = "Think in one short sentence, then write Answer: and the answer."


@dataclass(frozen=True)
class Arm:
    """A model and a way of asking it.

    `examples` are (question, answer) pairs shown before the prompt. A chat arm sends them as turns,
    any other as plain text to be continued, which is all that a base model understands.
    """

    name: str
    weights: str
    chat: bool
    examples: tuple[tuple[str, str], ...]
    max_tokens: int
    stop: tuple[str, ...]
    system: str = ""
    note: str = ""


_PLAIN = tuple((question, answer) for question, _, answer in _EXAMPLES)
_WORKED = tuple(
    (question, f"{reasoning} Answer: {answer}") for question, reasoning, answer in _EXAMPLES
    if reasoning
)  # fmt: skip

# The tokens that a prompt with its examples and its answer may take, for every arm.
CONTEXT = 2048

_LINE = ("\n",)
# A chat model may spread a JSON object over several lines, but never leaves one empty.
_PARAGRAPH = ("\n\n",)

ARMS = (
    Arm(
        "smollm2-135m-direct", "smollm2-135m", True, (), 28, _PARAGRAPH, system=_BRIEF,
        note="asked directly for one short sentence",
    ),
    Arm(
        "smollm2-135m-fewshot", "smollm2-135m", False, _PLAIN, 24, _LINE,
        note="shown many examples first",
    ),
    Arm(
        "smollm2-135m-steps", "smollm2-135m", True, _WORKED, 40, _LINE, system=_THINK,
        note="shown worked examples, reasons before it answers",
    ),
    Arm(
        "gemma3-270m-brief", "gemma3-270m", False, _PLAIN[:5], 24, _LINE,
        note="shown five examples first",
    ),
    Arm(
        "gemma3-270m-fewshot", "gemma3-270m", False, _PLAIN, 24, _LINE,
        note="shown many examples first",
    ),
    Arm(
        "gemma3-270m-steps", "gemma3-270m", False, _WORKED, 40, _LINE,
        note="shown worked examples, reasons before it answers",
    ),
)  # fmt: skip

_HEAD = """\
# The arms of the starter dataset, as `finerouter collect` asks them. Written by arms.py.
# Both servers are those of serve.py. The prices are illustrative: nobody sells these models.
"""
_TEMPLATE = "Q: {prompt}\nA:"
# More would only wait: a server answers one call at a time.
_CALLS = 1


def pool_toml() -> str:
    """The arms as a pool file."""
    return _HEAD + "".join(f"\n{part}\n" for part in (*_endpoints(), *map(_entry, ARMS)))


def _endpoints() -> Iterator[str]:
    for name, chat in dict.fromkeys((arm.weights, arm.chat) for arm in ARMS):
        yield _table(
            f"[endpoints.{_endpoint(name, chat)}]",
            base_url=f"http://127.0.0.1:{WEIGHTS[name].port}/v1",
            api="chat" if chat else "completions",
            max_concurrent=_CALLS,
        )


def _entry(arm: Arm) -> str:
    weights = WEIGHTS[arm.weights]
    entry = _table(
        "[[models]]",
        model=arm.name,
        provider="local",
        family=weights.family,
        input_usd_per_mtok=weights.input_usd_per_mtok,
        output_usd_per_mtok=weights.output_usd_per_mtok,
        context_window=CONTEXT,
        note=f"illustrative price; {arm.note}",
        endpoint=_endpoint(arm.weights, arm.chat),
        upstream_model=arm.weights,
    )
    # The likeliest answer, nothing sampled.
    parameters = _table(
        "[models.parameters]",
        temperature=0.0,
        max_tokens=arm.max_tokens,
        stop=list(arm.stop),
        system=arm.system,
        template="" if arm.chat else _TEMPLATE,
    )
    return f"{entry}\n{parameters}{_examples(arm)}"


def _endpoint(weights: str, chat: bool) -> str:
    return f"{weights}-{'chat' if chat else 'text'}"


def _examples(arm: Arm) -> str:
    lines = [f"\n  {json.dumps(list(pair), ensure_ascii=False)}," for pair in arm.examples]
    return f"\nexamples = [{''.join(lines)}\n]" if lines else ""


def _table(head: str, **values: object) -> str:
    """A TOML table; what is empty is left out."""
    lines = [f"{key} = {_value(value)}" for key, value in values.items() if value != ""]
    return "\n".join([head, *lines])


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(pool_toml())
