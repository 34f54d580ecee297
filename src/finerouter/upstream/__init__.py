"""Calling the endpoints that serve models: one asynchronous client, three APIs; extra `[collect]`.

    client       Upstream: one endpoint with its key, connections and limits
    reply        what came back from one attempt
    patience     which failures may pass, and how long to wait
    limits       how many calls at a time, how many a minute, and pauses
    keys         where a key is read, and how it is kept out of texts
    apis         a prompt to a request, an answer to a text and its tokens
    blocking     the same client for code that is not asynchronous

Takes bodies and gives answers as they are; `apis` alone knows what stands in them. Knows nothing
of prompts' tasks, journals or budgets. aiohttp is imported on first use.
"""

from __future__ import annotations

from finerouter.upstream.client import Stream, Timeouts, Upstream
from finerouter.upstream.patience import Patience
from finerouter.upstream.reply import Reply

__all__ = ["Patience", "Reply", "Stream", "Timeouts", "Upstream"]
