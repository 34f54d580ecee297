"""python -m finerouter."""

from finerouter.cli import main

main()
