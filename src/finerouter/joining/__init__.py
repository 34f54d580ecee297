"""A new model joins a trained router.

router = join(router, Model("new", "", 0.2, 0.8), probes=outcomes)
"""

from finerouter.joining.declared import read_benchmarks
from finerouter.joining.join import CAUTION, join, joined_models
from finerouter.joining.probing import with_known

__all__ = ["CAUTION", "join", "joined_models", "read_benchmarks", "with_known"]
