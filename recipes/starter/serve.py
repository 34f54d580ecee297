"""Serves the two models on the loopback interface, until interrupted; takes their weights.

    python -m recipes.starter.serve

SmolLM2 answers at http://127.0.0.1:8101/v1, Gemma at http://127.0.0.1:8102/v1, as pool.toml says.
Each behind a door (steady.py) that answers one call at a time, and the same call always the same.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from recipes.starter.arms import CONTEXT
from recipes.starter.steady import steady
from recipes.starter.weights import WEIGHTS, gguf_path

FOLDER = Path(__file__).parent / ".journal"
_STOP = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve both models."""
    argparse.ArgumentParser(description="Serve the starter dataset's two models.").parse_args(argv)
    # Blocked in every thread, so that it is this one that waits for them, and cleans up.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    with ExitStack() as servers:
        for name, weights in WEIGHTS.items():
            address = servers.enter_context(serving(name, weights.port))
            sys.stderr.write(f"{name} answers at {address}/v1\n")
        signal.sigwait(_STOP)


@contextmanager
def serving(name: str, port: int, *, folder: Path = FOLDER) -> Iterator[str]:
    """Serve a model while the context is open; gives its address.

    Args:
        name: of the weights.
        port: on the loopback interface, 0 for a free one.
        folder: where weights that come in parts are joined.
    """
    # Imported here because only a collection needs the engine; tests read the arms without it.
    from xllamacpp import Server

    with TemporaryDirectory() as saved:
        server = Server(_params(gguf_path(name, folder), saved))
        with steady(str(server.listening_address), port) as address:
            yield address
        del server


def _params(weights: Path, saved: str) -> Any:
    from xllamacpp import CommonParams

    params = CommonParams()
    params.model.path = str(weights)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = 1
    params.n_ctx = CONTEXT
    # One thread each: two that wait for one another stall whenever the machine does other work.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Gemma forgets what left its sliding window, and with it the cached examples, unless told.
    params.swa_full = True
    # The cache is what the door restores, and nothing that the engine kept by itself.
    params.slot_save_path = f"{saved}/"
    params.cache_ram_mib = 0
    params.n_ctx_checkpoints = 0
    params.verbosity = 0
    return params


if __name__ == "__main__":
    main()
