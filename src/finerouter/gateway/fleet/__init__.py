"""Endpoints in use: how each of them does, and which to ask next.

breaker      when an endpoint is left alone, and when it is tried again
slots        how many calls it answers at a time
trouble      why a call was of no use, and whose fault that is
answer       one call, up to where its answer can be believed
endpoint     the state of one endpoint, and leave to call it
health       looks after those that are left alone
fleet        all of them
"""

from __future__ import annotations

from finerouter.gateway.fleet.answer import Prepared
from finerouter.gateway.fleet.endpoint import EndpointStanding, ModelStanding
from finerouter.gateway.fleet.fleet import Fleet

__all__ = ["EndpointStanding", "Fleet", "ModelStanding", "Prepared"]
