"""How good is a router, on outcomes it has not seen?

result = evaluate(router, held_out)
"""

from finerouter.evaluation.evaluate import evaluate
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.report import write_report
from finerouter.evaluation.result import EvaluationResult, Line

__all__ = ["EvaluationResult", "Interval", "Line", "evaluate", "write_report"]
