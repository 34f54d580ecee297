"""finerouter against published methods: the same rows, splits, prices and budget of tuning.

    python -m benchmarks.comparison --data ../shared/data

`parts.py` divides a dataset, `methods.py` lists what is compared, `running.py` fits and judges it
in processes with a cache, `statistics.py` gives figures with paired intervals, `recording.py` keeps
them as JSON, `table.py` prints them, `openings.py` records every look at the sealed part,
`compare.py` does one after the other. `misses.py` says how often the intervals miss.
"""

import os

# Before NumPy is imported, here and in the processes that inherit it: each process has one core.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
