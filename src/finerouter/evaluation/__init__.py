"""How good is a router, on outcomes it has not seen?

result = evaluate(router, held_out)
"""

from finerouter.evaluation.evaluate import EvaluationResult, Line, evaluate
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.report import write_report

__all__ = ["EvaluationResult", "Interval", "Line", "evaluate", "write_report"]
