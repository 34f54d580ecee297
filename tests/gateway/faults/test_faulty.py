"""Every fault of an endpoint, at a fifth of all calls: a small version of what is run by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.gateway.faults.faulty import AFTER_FIRST, BREAKERS, KINDS, at_first_calls, seen
from tests.gateway.running import pool_toml, running
from tests.loopback import LoopbackUpstream

# The slow ones cost time here and are run by hand.
QUICK = [name for name in KINDS if "late" not in name]


@pytest.mark.parametrize("stream", [False, True])
def test_clients_see_nothing_that_another_endpoint_can_mend(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    other_server: LoopbackUpstream,
    *,
    stream: bool,
) -> None:
    upstreams = [server, other_server]
    with running(tmp_path, router_folder, pool_toml(*upstreams), BREAKERS) as gateway:
        for name in QUICK:
            rule = at_first_calls(KINDS[name])
            found = asyncio.run(seen(gateway.url, upstreams, [rule, rule], 20, stream=stream))
            assert (found.refused, found.torn, found.lost) == (0, 0, 0), (name, found)
            assert found.whole + found.broken == found.requests
            # What the client has begun to read is asked for once, and is told when it breaks off.
            assert found.broken == 0 or (stream and name in AFTER_FIRST), (name, found)
            assert found.twice_billed == 0
            assert found.calls <= 2
        assert gateway.service.parts.admission.under_way == 0
        assert [one.under_way for one in gateway.service.parts.fleet.standing()] == [0, 0]
