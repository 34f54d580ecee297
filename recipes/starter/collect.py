"""Runs the arms over the generated prompts; takes weights and arms, appends to the journal.

    python -m recipes.starter.collect --weights NAME [--pilot N]

Every model is served on the loopback interface by xllamacpp. A rerun asks only what the journal
lacks. `--pilot N` asks N prompts a family of the pilot set instead, into a journal of its own.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

from recipes.starter.arms import ARMS, CONTEXT, Arm
from recipes.starter.families import PILOT_SEED, Item, generate
from recipes.starter.journal import FOLDER, Answer, Journal
from recipes.starter.weights import WEIGHTS, gguf_path

SLOTS = 4
_TIMEOUT_S = 300


def main(argv: Sequence[str] | None = None) -> None:
    """Asks every arm of one model what the journal still lacks."""
    args = _arguments(argv)
    items = _pilot(args.pilot) if args.pilot else generate()
    journal = Journal(FOLDER / ("pilot.jsonl" if args.pilot else f"{args.weights}.jsonl"))
    arms = [arm for arm in ARMS if arm.weights == args.weights]
    done = {(answer.prompt_id, answer.model) for answer in journal.read()}
    with _serve(args.weights) as address:
        for arm in arms:
            todo = [item for item in items if (item.prompt_id, arm.name) not in done]
            _run(arm, todo, address, journal)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Collect the starter outcomes.")
    parser.add_argument("--weights", choices=sorted(WEIGHTS), required=True)
    parser.add_argument("--pilot", type=int, default=0, metavar="N")
    return parser.parse_args(argv)


def _pilot(per_family: int) -> list[Item]:
    """Prompts of the pilot seed that the dataset does not hold."""
    known = {item.prompt_id for item in generate()}
    drawn = [item for item in generate(PILOT_SEED) if item.prompt_id not in known]
    families = dict.fromkeys(item.family for item in drawn)
    return [i for f in families for i in [d for d in drawn if d.family == f][:per_family]]


def _run(arm: Arm, items: list[Item], address: str, journal: Journal) -> None:
    """Asks the arm about every item, each thread keeping to one slot of the server.

    A slot holds the arm's examples in its cache, so only the prompt itself has to be read.
    """
    slots, local = count(), threading.local()

    def claim() -> None:
        local.slot = next(slots)

    def ask(item: Item) -> None:
        journal.append(_answer(arm, item, address, local.slot))

    with ThreadPoolExecutor(SLOTS, initializer=claim) as pool:
        for done, _ in enumerate(pool.map(ask, items), start=1):
            _show(f"{arm.name} {done}/{len(items)}")


def _show(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{progress} ")


def _answer(arm: Arm, item: Item, address: str, slot: int) -> Answer:
    response = _post(address + arm.path, {**arm.body(item.prompt), "id_slot": slot})
    return Answer(
        prompt_id=item.prompt_id,
        model=arm.name,
        text=_text(response),
        input_tokens=response["usage"]["prompt_tokens"],
        output_tokens=response["usage"]["completion_tokens"],
    )


def _text(response: dict[str, Any]) -> str:
    choice = response["choices"][0]
    return str(choice["message"]["content"] if "message" in choice else choice["text"])


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


@contextmanager
def _serve(weights: str) -> Iterator[str]:
    # Imported here because only a collection needs the engine; the tests read the arms without it.
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(gguf_path(weights, FOLDER))
    params.hostnames = ["127.0.0.1"]
    params.port = _free_port()
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    # One thread each: two that wait for one another stall whenever the machine does other work.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Gemma forgets what left its sliding window, and with it the cached examples, unless told.
    params.swa_full = True
    params.verbosity = 0
    server = Server(params)
    yield str(server.listening_address)
    del server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
