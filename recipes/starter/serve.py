"""Serves the two models on the loopback interface, until interrupted; takes their weights.

    python -m recipes.starter.serve [--slots N]

SmolLM2 answers at http://127.0.0.1:8101/v1, Gemma at http://127.0.0.1:8102/v1, as pool.toml says.
With `--slots 1` calls are answered one after another: several at a time round differently, and a
greedy answer can then fall the other way.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from recipes.starter.arms import CONTEXT
from recipes.starter.weights import WEIGHTS, gguf_path

FOLDER = Path(__file__).parent / ".journal"
SLOTS = 4


def main(argv: Sequence[str] | None = None) -> None:
    """Serve both models."""
    parser = argparse.ArgumentParser(description="Serve the two models of the starter dataset.")
    parser.add_argument("--slots", type=int, default=SLOTS, metavar="N")
    args = parser.parse_args(argv)
    with ExitStack() as servers:
        for name, weights in WEIGHTS.items():
            address = servers.enter_context(serving(name, weights.port, slots=args.slots))
            sys.stderr.write(f"{name} answers at {address}/v1\n")
        signal.sigwait([signal.SIGINT, signal.SIGTERM])


@contextmanager
def serving(name: str, port: int, *, slots: int = SLOTS, folder: Path = FOLDER) -> Iterator[str]:
    """Serve a model while the context is open; gives its address.

    Args:
        name: of the weights.
        port: on the loopback interface, 0 for a free one.
        slots: calls answered at a time.
        folder: where weights that come in parts are joined.
    """
    # Imported here because only a collection needs the engine; tests read the arms without it.
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(gguf_path(name, folder))
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = slots * CONTEXT
    # One thread each: two that wait for one another stall whenever the machine does other work.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Gemma forgets what left its sliding window, and with it the cached examples, unless told.
    params.swa_full = True
    params.verbosity = 0
    server = Server(params)
    yield str(server.listening_address)
    del server


if __name__ == "__main__":
    main()
