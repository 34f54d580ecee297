"""What every grader promises.

Takes a prompt and the answers of several models to it; gives a `Grade` for each. Most graders look
at one answer at a time: `Pointwise` makes a grader of such a function.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from finerouter.collecting.asker import Ask
from finerouter.collecting.prompts import Prompt
from finerouter.errors import UserError
from finerouter.pool import Model


@dataclass(frozen=True)
class Grade:
    """How good an answer is.

    Attributes:
        score: 0 to 1, None where it could not be graded: that is missing, not zero.
        reason: why, in a few words.
    """

    score: float | None
    reason: str

    @classmethod
    def of(cls, right: bool, *, reason: str) -> Grade:
        """Right or wrong."""
        return cls(float(right), reason)


@dataclass(frozen=True)
class Given:
    """A model's answer."""

    model: Model
    text: str


class Grader(Protocol):
    """Grades answers. The same prompt and answers get the same grades."""

    def lacks(self, prompt: Prompt) -> str | None:
        """What a prompt lacks to be graded, in words; None when it lacks nothing."""

    @property
    def judges(self) -> Sequence[Model]:
        """Models that the grader asks; none for most."""

    def questions(self, prompt: Prompt, models: Sequence[Model]) -> Counter[str]:
        """How many questions each judge gets, if all these models answer the prompt."""

    def doubts(self, prompts: Sequence[Prompt], models: Sequence[Model]) -> Sequence[str]:
        """What the user should know before these models are asked these prompts.

        Raises:
            ConfigError: answers of some model could not be graded at all.
        """

    def notes(self) -> Sequence[str]:
        """What the user should know of how it graded, such as how far judges agreed."""

    async def grade(self, prompt: Prompt, answers: Sequence[Given], ask: Ask) -> list[Grade]:
        """A grade for each answer, in their order.

        Args:
            prompt: what was asked.
            answers: of different models.
            ask: how to ask a judge.
        """


Score = Callable[[Prompt, str], Grade]


@dataclass(frozen=True)
class Pointwise:
    """A grader that looks at one answer at a time and asks nobody.

    Attributes:
        score: prompt and answer to a grade.
        needs: columns without which it cannot grade; "reference" for a right answer.
        blocking: whether it waits for something, such as another process.
        said: what the user should know of it.
        check: what else makes a prompt unusable.
    """

    score: Score
    needs: tuple[str, ...] = ()
    blocking: bool = False
    said: tuple[str, ...] = ()
    check: Callable[[Prompt], str | None] | None = None
    judges: tuple[Model, ...] = ()

    def lacks(self, prompt: Prompt) -> str | None:
        """See `Grader.lacks`."""
        for name in self.needs:
            there = prompt.references if name == "reference" else prompt.fields.get(name)
            if not there and there != 0:
                return f"has no {name}, which its grader needs"
        try:
            return self.check(prompt) if self.check else None
        except UserError:  # such as a missing extra: no row is to blame
            raise
        except Exception as error:
            return f"has something that its grader cannot read ({error})"

    def questions(self, prompt: Prompt, models: Sequence[Model]) -> Counter[str]:  # noqa: ARG002
        """See `Grader.questions`; it asks nobody."""
        return Counter()

    def doubts(self, prompts: Sequence[Prompt], models: Sequence[Model]) -> Sequence[str]:  # noqa: ARG002
        """See `Grader.doubts`; it has none."""
        return ()

    def notes(self) -> Sequence[str]:
        """See `Grader.notes`."""
        return self.said

    async def grade(self, prompt: Prompt, answers: Sequence[Given], ask: Ask) -> list[Grade]:  # noqa: ARG002 (asks nobody)
        """See `Grader.grade`."""
        if not self.blocking:
            return [self._scored(prompt, given.text) for given in answers]
        graded = (asyncio.to_thread(self._scored, prompt, given.text) for given in answers)
        return list(await asyncio.gather(*graded))

    def _scored(self, prompt: Prompt, text: str) -> Grade:
        # The answer is paid for: whatever goes wrong with one grade must not lose the others.
        try:
            return self.score(prompt, text)
        except Exception as error:
            return Grade(None, f"the grader failed ({type(error).__name__}: {error})")


def best(grades: Sequence[Grade]) -> Grade:
    """The best of several grades, as for several right answers."""
    return max(grades, key=lambda grade: -1.0 if grade.score is None else grade.score)
