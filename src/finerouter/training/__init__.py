"""Outcomes in, a trained router out: `router = train(outcomes)`."""

from finerouter.training.config import Dials, TrainingConfig
from finerouter.training.stages import fold_numbers
from finerouter.training.train import train
from finerouter.training.tuning import Progress, cost_range, routing_utility

__all__ = [
    "Dials",
    "Progress",
    "TrainingConfig",
    "cost_range",
    "fold_numbers",
    "routing_utility",
    "train",
]
