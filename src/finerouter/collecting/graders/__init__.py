"""Graders: one file each. A name, and what may stand behind its colon, to a `Grader`.

Takes `NAME` or `NAME:OPTION`; gives the grader. Knows nothing of where answers come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from finerouter.collecting.asker import Ask
from finerouter.collecting.graders import (
    choice,
    code_tests,
    command,
    contains,
    exact,
    f1,
    function,
    json_fields,
    json_schema,
    label,
    normalised,
    numeric,
    pairwise,
    regex,
    rouge,
    rubric,
    sequence,
    stated,
)
from finerouter.collecting.graders.grade import Given, Grade, Grader
from finerouter.collecting.graders.panel import Panel
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError
from finerouter.pool import Model

__all__ = ["GRADERS", "JUDGES", "Given", "Grade", "Grader", "Panel", "build_grader"]

GRADERS: dict[str, Callable[[str], Grader]] = {
    "exact": exact.build,
    "normalised": normalised.build,
    "stated": stated.build,
    "contains": contains.build,
    "choice": choice.build,
    "label": label.build,
    "numeric": numeric.build,
    "sequence": sequence.build,
    "regex": regex.build,
    "json-schema": json_schema.build,
    "json-fields": json_fields.build,
    "f1": f1.build,
    "rouge-l": rouge.build,
    "tests": code_tests.build,
    "function": function.build,
    "command": command.build,
}
JUDGES: dict[str, Callable[[str, Panel], Grader]] = {
    "rubric": rubric.build,
    "pairwise": pairwise.build,
}
BY_ROW = "by-row"


def build_grader(spec: str, panel: Panel | None = None) -> Grader:
    """The grader of a name; `by-row` takes each prompt's own, from its column `grader`.

    Args:
        spec: `NAME` or `NAME:OPTION`.
        panel: the judges, for those that need some.

    Raises:
        ConfigError: there is no such grader, its option is wrong, or it lacks judges.
    """
    if spec == BY_ROW:
        return ByRow(panel)
    name, _, option = spec.partition(":")
    if name in GRADERS:
        return GRADERS[name](option)
    if name not in JUDGES:
        raise ConfigError(
            f"there is no grader {name!r}; there are {', '.join((*GRADERS, *JUDGES, BY_ROW))}"
        )
    if panel is None:
        raise ConfigError(f"grader {name} needs judges; give --judges FILE, a pool file of them")
    return JUDGES[name](option, panel)


@dataclass(frozen=True)
class ByRow:
    """The grader that each prompt's row names."""

    panel: Panel | None = None
    built: dict[str, Grader] = field(default_factory=dict)

    @property
    def judges(self) -> Sequence[Model]:
        """See `Grader.judges`; the panel's, because rows may name any grader."""
        return self.panel.judges.models if self.panel else ()

    def lacks(self, prompt: Prompt) -> str | None:
        """See `Grader.lacks`."""
        try:
            return self._of(prompt).lacks(prompt)
        except ConfigError as error:
            return str(error)

    def questions(self, prompt: Prompt, models: Sequence[Model]) -> Counter[str]:
        """See `Grader.questions`."""
        return self._of(prompt).questions(prompt, models)

    def doubts(self, prompts: Sequence[Prompt], models: Sequence[Model]) -> Sequence[str]:
        """See `Grader.doubts`."""
        own: dict[int, tuple[Grader, list[Prompt]]] = {}
        for prompt in prompts:
            grader = self._of(prompt)
            own.setdefault(id(grader), (grader, []))[1].append(prompt)
        said = (doubt for grader, rows in own.values() for doubt in grader.doubts(rows, models))
        return list(dict.fromkeys(said))

    def notes(self) -> Sequence[str]:
        """See `Grader.notes`."""
        said = (note for grader in self.built.values() for note in grader.notes())
        return list(dict.fromkeys(said))

    async def grade(self, prompt: Prompt, answers: Sequence[Given], ask: Ask) -> list[Grade]:
        """See `Grader.grade`."""
        return await self._of(prompt).grade(prompt, answers, ask)

    def _of(self, prompt: Prompt) -> Grader:
        spec = prompt.fields.get("grader")
        if not isinstance(spec, str) or not spec or spec == BY_ROW:
            raise ConfigError("has no grader in its column `grader`")
        # A row must not run a program that nobody named on the command line.
        if spec.partition(":")[0] in ("function", "command"):
            raise ConfigError(f"grader {spec!r} may only be named on the command line")
        if spec not in self.built:
            self.built[spec] = build_grader(spec, self.panel)
        return self.built[spec]
