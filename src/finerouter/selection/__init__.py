"""Which outcomes to pay for: cells [prompt, model] for training, probes for a new model.

cells = CellChooser.of(prompts).choose(outcomes, count=500)
probes = choose_probes(router, outcomes, count=50)
"""

from finerouter.selection.cells import Cell, CellChooser
from finerouter.selection.probes import Probe, choose_probes
from finerouter.selection.unasked import table_of

__all__ = ["Cell", "CellChooser", "Probe", "choose_probes", "table_of"]
