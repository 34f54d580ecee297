"""The pool's arms: a model with one fixed way of asking; takes a prompt, gives a request.

A way of asking never sees the prompt's family. Its examples mix many kinds of question and are in
no dataset prompt. The wording was tuned on a pilot set drawn with another seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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

    @property
    def path(self) -> str:
        """Where the server takes this arm's requests."""
        return "/v1/chat/completions" if self.chat else "/v1/completions"

    def body(self, prompt: str) -> dict[str, Any]:
        """The request's JSON: the likeliest answer, nothing sampled."""
        asked = (
            {"messages": self._messages(prompt)} if self.chat else {"prompt": self._text(prompt)}
        )
        return {
            **asked,
            "max_tokens": self.max_tokens,
            "stop": list(self.stop),
            "temperature": 0.0,
            "cache_prompt": True,
        }

    def _messages(self, prompt: str) -> list[dict[str, str]]:
        turns = [{"role": "system", "content": self.system}] if self.system else []
        for question, answer in self.examples:
            turns.append({"role": "user", "content": question})
            turns.append({"role": "assistant", "content": answer})
        return [*turns, {"role": "user", "content": prompt}]

    def _text(self, prompt: str) -> str:
        shown = "".join(f"Q: {question}\nA: {answer}\n\n" for question, answer in self.examples)
        return f"{shown}Q: {prompt}\nA:"


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
