"""Several language models as judges, and how far they agree.

Takes questions for judges and a way to read their verdicts; asks every judge that may judge. A
judge of the same family as the judged is kept apart: models prefer their own kin (Panickssery et
al., arXiv 2404.13076). Knows nothing of what is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean

from finerouter.collecting.asker import Ask, Missing
from finerouter.errors import ConfigError
from finerouter.pool import Model, ModelPool


@dataclass(frozen=True)
class Verdict:
    """What one judge said: 0 to 1, None where it said nothing that can be read."""

    judge: str
    value: float | None
    reason: str


@dataclass
class Agreement:
    """How the judges did, over a whole run.

    Attributes:
        asked, unreadable: verdicts wanted, and those that were nonsense or never came.
        differences: between two judges' verdicts on the same thing, 0 to 1.
    """

    asked: int = 0
    unreadable: int = 0
    differences: list[float] = field(default_factory=list)

    def count(self, verdicts: Sequence[Verdict]) -> None:
        """Take in what the judges said of one thing."""
        values = [verdict.value for verdict in verdicts if verdict.value is not None]
        self.asked += len(verdicts)
        self.unreadable += len(verdicts) - len(values)
        self.differences += [abs(left - right) for left, right in combinations(values, 2)]

    def notes(self) -> list[str]:
        """The same for people."""
        said = [f"judges: {self.asked - self.unreadable} of {self.asked} verdicts could be read"]
        if self.differences:
            same = fmean(difference < 0.05 for difference in self.differences)
            said.append(
                f"judges: two of them agreed on {same:.0%} of {len(self.differences)} comparisons, "
                f"mean difference {fmean(self.differences):.2f} on the scale of 0 to 1"
            )
        return said


@dataclass(frozen=True)
class Panel:
    """The judges of a run.

    Attributes:
        judges: models with endpoints and families.
        rubric: what a good answer is, where a prompt does not say; "" for nothing in particular.
        agreement: filled as they judge.
    """

    judges: ModelPool
    rubric: str = ""
    agreement: Agreement = field(default_factory=Agreement)

    def check(self, judged: Iterable[Model]) -> None:
        """See that it is known who is whose kin, and that everybody has a judge.

        Raises:
            ConfigError: a family is not given, or a family would be judged by nobody.
        """
        judged = list(judged)
        for model in (*self.judges, *judged):
            if not model.family:
                raise ConfigError(
                    f"model {model.model!r} has no family, so nobody knows which judges are its "
                    'kin; give it family = "..." in its pool file'
                )
        for model in judged:
            if not self.for_families({model.family}):
                raise ConfigError(
                    f"model {model.model!r} has only judges of its own family {model.family!r}; "
                    "add a judge of another one"
                )

    def for_families(self, families: set[str]) -> list[Model]:
        """The judges that are kin to none of these families."""
        return [judge for judge in self.judges if judge.family not in families]

    async def ask(
        self,
        question: str,
        families: set[str],
        ask: Ask,
        read: Callable[[str], float | None],
    ) -> list[Verdict]:
        """What each judge says; none where all are kin."""
        asked = (_verdict(judge, question, ask, read) for judge in self.for_families(families))
        return list(await asyncio.gather(*asked))


async def _verdict(
    judge: Model, question: str, ask: Ask, read: Callable[[str], float | None]
) -> Verdict:
    kept = await ask(judge, question)
    if isinstance(kept, Missing):
        return Verdict(judge.model, None, kept.reason)
    value = read(kept.answer.text)
    reason = "" if value is not None else "said nothing that can be read"
    return Verdict(judge.model, value, reason)
