"""How good is a router, on outcomes it has not seen?

result = evaluate(router, held_out)
"""

from finerouter.evaluation.changes import Changes, compare
from finerouter.evaluation.crossval import CrossValidation, cross_validate
from finerouter.evaluation.evaluate import evaluate
from finerouter.evaluation.export import write_csv, write_predictions
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.report import write_report
from finerouter.evaluation.result import EvaluationResult, Line
from finerouter.evaluation.splits import Split, benchmark_splits, random_splits, time_splits

__all__ = [
    "Changes",
    "CrossValidation",
    "EvaluationResult",
    "Interval",
    "Line",
    "Split",
    "benchmark_splits",
    "compare",
    "cross_validate",
    "evaluate",
    "random_splits",
    "time_splits",
    "write_csv",
    "write_predictions",
    "write_report",
]
