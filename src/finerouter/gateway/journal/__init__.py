"""What was decided, what came of it, what was thought of it; kept through kills and full disks."""

from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Percentiles, Tally, Totals, Troubles
from finerouter.gateway.journal.journal import Journal

__all__ = ["Conversation", "Journal", "Percentiles", "Tally", "Totals", "Troubles"]
