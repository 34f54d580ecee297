"""Some hundred odd requests to a gateway process; thousands are sent by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from finerouter.gateway.access import new_key
from tests.gateway.faults.fuzzing import fuzz
from tests.gateway.faults.odd_requests import odd_requests
from tests.gateway.running import pool_toml, running
from tests.gateway.test_operating import bearer
from tests.loopback import LoopbackUpstream

UPSTREAM_KEY = "upstream-secret-4711"
KEY = new_key("k")
CONFIG = f"""{KEY.toml}
scopes = ["infer", "route", "feedback", "read", "admin"]
[journal]
prompts = true
"""


@pytest.mark.parametrize("api", ["chat", "messages"])
def test_nothing_odd_breaks_it(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    api: str,
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", UPSTREAM_KEY)
    secrets = (KEY.key, UPSTREAM_KEY)
    extra = f'key_env = "UPSTREAM_KEY"\napi = "{api}"\nmax_tokens_name = "max_completion_tokens"'
    pool = pool_toml(server, extra=extra)
    with running(tmp_path, router_folder, pool, CONFIG, bearer(KEY.key)) as gateway:
        odd = odd_requests(11, KEY.key, 200)
        found = asyncio.run(fuzz(gateway.port, odd, secrets))
        assert found.failed == []
        assert found.leaked == []
        assert found.statuses[200] > 20
        assert found.statuses[400] > 40
        # And nothing is left of any of them.
        assert gateway.service.parts.admission.under_way == 0
        assert gateway.service.parts.fleet.standing()[0].under_way == 0
        assert gateway.chat("What is 1 plus 2?").status == 200
        told = [gateway.get("/metrics").body, *(repr(r).encode() for r in gateway.records())]
    journal = b"".join(
        path.read_bytes() for path in tmp_path.glob("journal.sqlite*") if path.is_file()
    )
    for secret in secrets:
        assert secret.encode() not in b"".join(told)
        assert secret.encode() not in journal
        assert secret not in caplog.text
