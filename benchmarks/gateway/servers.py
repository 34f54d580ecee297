"""What is measured and what it is measured against, as commands.

Takes a folder to write settings to and the upstream's address; gives `Command`s. The models of the
pool are those of the starter dataset, all of them served by the one dummy upstream.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.gateway.processes import LOADING_CORE, Command, free_port, module
from finerouter.starter import starter_outcomes
from finerouter.training import train

# LiteLLM's own checklist for production, as far as it goes without a database: one worker a core,
# a master key, no verbose output, spend and errors not written at once.
LITELLM_KEY = "sk-benchmark"
LITELLM_SETTINGS = """\
model_list:
  - model_name: auto
    litellm_params: {{model: openai/dummy, api_base: "{url}/v1", api_key: none}}
general_settings:
  master_key: {key}
  proxy_batch_write_at: 60
  disable_error_logs: true
litellm_settings:
  request_timeout: 600
  set_verbose: false
  json_logs: true
  telemetry: false
"""
LITELLM_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
}
# The memory of conversations is full within a run, so that a leak would show behind it.
GATEWAY_SETTINGS = """\
pool = "pool.toml"
port = {port}
default_policy = "thrifty"
log_level = "warning"

[policies.thrifty]
cost_weight = 5.0

[limits]
max_concurrent = 5_000

[sticky]
most = 5_000

[journal]
path = "journal.sqlite"
"""
ENDPOINT = """\
[endpoints.dummy]
base_url = "{url}/v1"
max_concurrent = 5_000

"""
MODEL = """\
[[models]]
model = "{model}"
endpoint = "dummy"
input_usd_per_mtok = {input}
output_usd_per_mtok = {output}

"""


def upstream(*, delay_ms: float = 0.0, hold_s: float = 0.0) -> Command:
    """The dummy endpoint."""
    port = free_port()
    options = ["--port", str(port), "--delay-ms", str(delay_ms), "--hold-s", str(hold_s)]
    command = [*module("upstream"), *options]
    return Command("upstream", command, port, "/v1/models", core=LOADING_CORE)


def passthrough(url: str) -> Command:
    """The bare relay."""
    port = free_port()
    command = [*module("passthrough"), "--port", str(port), "--upstream", url]
    return Command("passthrough", command, port, "/ready")


def gateway(router: Path, url: str, folder: Path) -> Command:
    """`finerouter serve` with its journal, its settings and its pool in `folder`."""
    port = free_port()
    folder.mkdir(parents=True)
    models = (
        MODEL.format(model=m.model, input=m.input_usd_per_mtok, output=m.output_usd_per_mtok)
        for m in starter_outcomes().pool
    )
    (folder / "pool.toml").write_text(ENDPOINT.format(url=url) + "".join(models), "utf-8")
    settings = folder / "gateway.toml"
    settings.write_text(GATEWAY_SETTINGS.format(port=port), "utf-8")
    command = [sys.executable, "-m", "finerouter", "serve", str(router), "--config", str(settings)]
    return Command("gateway", command, port, "/readyz")


def litellm(python: Path, url: str, folder: Path, *, granian: bool) -> Command:
    """LiteLLM's proxy with one worker, on uvicorn or on Granian, either of which it offers."""
    port = free_port()
    settings = folder / f"litellm-{port}.yaml"
    settings.write_text(LITELLM_SETTINGS.format(url=url, key=LITELLM_KEY), "utf-8")
    place = ["--config", str(settings), "--host", "127.0.0.1", "--port", str(port)]
    command = [str(python.parent / "litellm"), *place, "--num_workers", "1"]
    name = "litellm-granian" if granian else "litellm-uvicorn"
    more = ["--run_granian"] if granian else []
    ready = "/health/liveliness"
    return Command(name, command + more, port, ready, environment=LITELLM_ENVIRONMENT)


def trained_router(folder: Path) -> Path:
    """A router trained on the starter dataset."""
    path = folder / "router"
    train(starter_outcomes()).save(path)
    return path
