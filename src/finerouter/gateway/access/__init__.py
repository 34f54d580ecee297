"""Who may ask for what: gateway keys, scopes, models, rate limits, and what browsers may not."""

from finerouter.gateway.access.access import Access
from finerouter.gateway.access.caller import UNKEYED, Caller, Refused
from finerouter.gateway.access.keys import NewKey, new_key

__all__ = ["UNKEYED", "Access", "Caller", "NewKey", "Refused", "new_key"]
