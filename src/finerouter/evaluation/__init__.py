"""How good is a router, on outcomes it has not seen?

result = evaluate(router, held_out)
"""

from finerouter.evaluation.evaluate import EvaluationResult, Line, evaluate
from finerouter.evaluation.intervals import Interval

__all__ = ["EvaluationResult", "Interval", "Line", "evaluate"]
