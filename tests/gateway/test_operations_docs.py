"""docs/gateway-operations.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from finerouter.gateway.money.budgets import BudgetUse
from finerouter.gateway.observing.gauges import Present
from finerouter.gateway.observing.logs import _fields
from finerouter.gateway.observing.metrics import Metrics
from finerouter.gateway.record import Tokens
from finerouter.gateway.settings import SCOPES
from finerouter.gateway.settings_file import read_settings
from tests.gateway.records import answered
from tests.gateway.test_observing_metrics import Endpoint, Journal

TEXT = (Path(__file__).parents[2] / "docs" / "gateway-operations.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_all_settings_in_it_can_be_read(tmp_path: Path) -> None:
    assert len(blocks("toml")) == 3
    for block in blocks("toml"):
        path = tmp_path / "gateway.toml"
        path.write_text(block, "utf-8")
        read_settings(path)


def test_every_metric_is_listed_with_its_labels_and_no_other() -> None:
    metrics = Metrics()
    metrics.observe(answered(tokens=Tokens(input=1, output=1, estimated=True)))
    present = Present(
        endpoints=[Endpoint("near", "open", 5, 0)],
        journal=Journal(),
        budgets=[BudgetUse("team", "day", 0.5, 0.25, 2.0)],
    )
    made: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render(present).decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("finerouter_"):
            made[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    told = {
        name: set(filter(None, labels.strip().split(", ")))
        for name, labels in re.findall(r"^\| `(finerouter_\w+)` \| ([^|]*)\|", TEXT, re.MULTILINE)
    }
    assert told == made


def test_every_scope_is_told() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \| [^|]*\|$", TEXT, re.MULTILINE)) == SCOPES


def test_the_line_of_a_request_has_these_fields() -> None:
    line: dict[str, Any] = json.loads(blocks("json")[0])
    fields = _fields(answered(), hide=str)
    assert set(line) == {"time", "level", "logger", "message", *fields}
