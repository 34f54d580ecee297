"""The map of tasks: held-out prompts on a plane, near when alike.

Takes an `EvaluationResult`; gives a drawing. Knows nothing of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from markupsafe import Markup

from finerouter.evaluation.report import svg
from finerouter.evaluation.result import EvaluationResult, PromptFigures

_WIDTH, _HEIGHT, _EDGE = 680.0, 520.0, 16.0
# More marks than this make a page heavy without showing more.
MOST_MARKS = 2500
# Colours that can be told apart; shapes tell them apart once more.
_COLOURS = 8
_APART = 26.0
_NO_TASK = "no known task"


def drawn_prompts(result: EvaluationResult) -> tuple[PromptFigures, ...]:
    """The prompts on the map: all, or evenly many of them by their order in the data."""
    step = -(-len(result.prompts) // MOST_MARKS)
    return result.prompts[::step] if step > 1 else result.prompts


def task_numbers(result: EvaluationResult) -> Mapping[str | None, int]:
    """The number of each task on map and tables, most held-out prompts first."""
    known = [task.task for task in result.tasks if task.task is not None]
    return {task: number for number, task in enumerate(known, 1)}


def task_sign(number: int) -> tuple[str, str]:
    """Shape and class of a task's marks; tasks beyond the first few share one."""
    if number == 0 or number > _COLOURS:
        return "circle", "task-rest"
    return svg.SHAPES[(number - 1) % len(svg.SHAPES)], f"task-{number}"


def task_swatch(number: int) -> Markup:
    """A task's mark, for a table."""
    shape, name = task_sign(number)
    return svg.tag(
        "svg", svg.mark(shape, 10, 10, 6, name), class_="dot", viewBox="0 0 20 20",
        aria_hidden="true",
    )  # fmt: skip


def task_map_drawing(result: EvaluationResult) -> Markup | None:
    """The map, with the numbers of tasks at the middle of their prompts; None without prompts."""
    prompts = drawn_prompts(result)
    if not prompts:
        return None
    x = svg.scale_of([row.x for row in prompts], _EDGE, _WIDTH - _EDGE, room=0.02)
    y = svg.scale_of([row.y for row in prompts], _HEIGHT - _EDGE, _EDGE, room=0.02)
    numbers = task_numbers(result)
    label = (
        f"Map of {len(prompts)} held-out prompts in {len(numbers)} tasks; prompts that are alike "
        "lie near each other. The table of tasks below holds its figures."
    )
    marks = [_mark(row, numbers.get(row.task, 0), x, y) for row in _rest_first(prompts, numbers)]
    names = _middles(prompts, numbers, x, y)
    return svg.drawing(_WIDTH, _HEIGHT, label, *marks, *names, class_="map")


def _rest_first(
    prompts: Sequence[PromptFigures], numbers: Mapping[str | None, int]
) -> list[PromptFigures]:
    return sorted(prompts, key=lambda row: task_sign(numbers.get(row.task, 0))[1] != "task-rest")


def _mark(row: PromptFigures, number: int, x: svg.Scale, y: svg.Scale) -> Markup:
    shape, name = task_sign(number)
    task = _NO_TASK if row.task is None else f"{number}. {row.task}"
    where = f" ({row.benchmark})" if row.benchmark is not None else ""
    title = f"{task}{where}: {row.model} scored {100 * row.score:.3g}"
    return svg.mark(shape, x(row.x), y(row.y), 3.2, name, title)


def _middles(
    prompts: Sequence[PromptFigures], numbers: Mapping[str | None, int], x: svg.Scale, y: svg.Scale
) -> list[Markup]:
    """Numbers of tasks, larger tasks first; one that would cover another is left out."""
    taken: list[svg.Point] = []
    parts = []
    for task, number in numbers.items():
        rows = [row for row in prompts if row.task == task]
        if not rows:
            continue
        place = (x(median(row.x for row in rows)), y(median(row.y for row in rows)))
        if any(abs(place[0] - a) < _APART and abs(place[1] - b) < _APART for a, b in taken):
            continue
        taken.append(place)
        parts.append(svg.text(place[0], place[1] + 6, str(number), "middle", "middle"))
    return parts
