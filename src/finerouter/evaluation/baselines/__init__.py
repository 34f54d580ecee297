"""What a router must beat: one file a method, the method's own name on it.

A baseline is fitted on unit rows and outcomes, gaps and all, and says what it prefers on other
rows (`protocol.py`). All get the same rows, splits and prices, and the same budget of tuning
(`tuning.py`). `registry.py` lists them; importing this package alone imports none that needs
scikit-learn, which comes with the extra `compare`.
"""

from finerouter.evaluation.baselines.hindsight import (
    benchmark_means,
    cheapest_correct_choice,
    oracle_choice,
    random_outcome,
)

__all__ = ["benchmark_means", "cheapest_correct_choice", "oracle_choice", "random_outcome"]
