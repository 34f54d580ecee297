"""Searches texts for patterns, for `regex.py`: a process that ends when a search does not.

    python -I regex_search.py SECONDS

Reads a JSON list of pattern and text a line; writes "1" or "0" a line. A search may compute for so
many seconds; then the kernel ends the process. Python's own `re` has no time limit, and holds up
everything else in its process. Imports nothing of the package.
"""

from __future__ import annotations

import json
import re
import signal
import sys


def main() -> None:
    """Answer until there are no more questions."""
    seconds = float(sys.argv[1])
    for line in sys.stdin:
        pattern, text = json.loads(line)
        # Nobody handles this timer's signal, so it ends the process.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        found = re.search(pattern, text) is not None
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.write(f"{int(found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
