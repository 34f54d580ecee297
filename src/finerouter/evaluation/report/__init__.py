"""An evaluation as one HTML page: no network, no script that runs, opens from disk.

    words         numbers and intervals as a reader wants them
    headline      the few sentences that a manager reads
    svg           scales, axes and marks
    quality_cost, task_map, calibration   the plots
    tables        rows of every table
    changes       what changed against an earlier evaluation
    data          the evaluation inside the page, and reading it back
    page          all of it in the template

Takes an `EvaluationResult`; gives a file. Knows nothing of routers.
"""

from finerouter.evaluation.report.data import read_evaluation, without_prompts
from finerouter.evaluation.report.page import PROMPTS_PER_MONTH, write_report

__all__ = ["PROMPTS_PER_MONTH", "read_evaluation", "without_prompts", "write_report"]
