"""Outcomes from live models: prompts x pool -> answers -> grades -> outcomes; extra `[collect]`.

    prompts      a file of prompts, with what is needed to grade answers
    wanted       a file of what is to be asked, as `finerouter cells` and `probes` write it
    work         which models are asked about which prompts
    run          collect(): the whole of it
    request      a question as a request, its key, and what it could cost
    asker        each question once: journaled, cached, within the budget
    journal      every call, before and after
    spending     what calls cost, at most and really
    estimate     what a run would cost
    questions    the same machinery for other questions, such as descriptions of tasks
    graders/     an answer to a score in [0, 1]
    grades       each answer with its score and why, as a file
    sandbox      where code that a model wrote is run

Knows nothing of routers, and not which pairs of prompt and model are worth asking.
"""

from __future__ import annotations

from finerouter.collecting.graders import GRADERS, JUDGES, Panel, build_grader
from finerouter.collecting.grades import write_grades
from finerouter.collecting.prompts import Prompt, Prompts, read_prompts
from finerouter.collecting.run import Collected, Progress, collect
from finerouter.collecting.wanted import Wanted, read_wanted

__all__ = [
    "GRADERS",
    "JUDGES",
    "Collected",
    "Panel",
    "Progress",
    "Prompt",
    "Prompts",
    "Wanted",
    "build_grader",
    "collect",
    "read_prompts",
    "read_wanted",
    "write_grades",
]
