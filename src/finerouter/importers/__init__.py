"""Outcomes that other tools wrote, to routing datasets: one file a format, one registry."""

from finerouter.importers.importing import Imported, Rules, import_outcomes
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.registry import FORMATS
from finerouter.importers.report import ImportReport

__all__ = [
    "FORMATS",
    "Choices",
    "Format",
    "ImportReport",
    "Imported",
    "Row",
    "Rules",
    "import_outcomes",
]
