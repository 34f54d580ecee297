"""finerouter picks the best model of a pool for each prompt, by quality and cost.

    from finerouter import ModelPool, OutcomeTable, Router
    from finerouter.training import train
    from finerouter.evaluation import evaluate

Fitting and evaluation have their own paths, so that serving imports neither.
"""

from finerouter.outcomes import OutcomeTable
from finerouter.policy import Decision, Estimate, Policy
from finerouter.pool import Model, ModelPool
from finerouter.router import Router
from finerouter.version import __version__

__all__ = [
    "Decision",
    "Estimate",
    "Model",
    "ModelPool",
    "OutcomeTable",
    "Policy",
    "Router",
    "__version__",
]
