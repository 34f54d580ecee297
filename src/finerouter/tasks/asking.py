"""Questions -> a chat model's answers, each paid for once.

Takes questions under keys; gives answers, and keeps each in a JSONL file the moment it arrives:
whatever stops a run, the next one goes on from there. Knows nothing of what is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Lock

from finerouter.endpoint import Endpoint
from finerouter.errors import DataError, EndpointError, OutputError

_PATH = "/chat/completions"
_KEPT_CHARS = 1_000
# Reasoning models behind a plain server put their thoughts before the answer, in its text.
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_ENTRY_START = '{"key": "'


class AnswerFile:
    """Answers by key, on disk as soon as they are known; may be shared by threads."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a missing file holds nothing.

        Raises:
            DataError: the file cannot be read, or is something else that must not be appended to.
        """
        self.path = path
        self._lock = Lock()
        text = _text(path)
        self._answers = _entries(path, text)
        # An earlier run was killed in the middle of a line: the next answer starts a new one.
        self._torn = bool(text) and not text.endswith("\n")

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def __getitem__(self, key: str) -> str:
        return self._answers[key]

    def add(self, key: str, answer: str) -> None:
        """Keep an answer.

        Raises:
            OutputError: the file cannot be written.
        """
        line = json.dumps({"key": key, "answer": answer}) + "\n"
        with self._lock:
            self._append("\n" + line if self._torn else line)
            self._torn = False
            self._answers[key] = answer

    def _append(self, text: str) -> None:
        try:
            self.path.absolute().parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror}); choose another file for the "
                "answers"
            ) from error


def ask_all(
    questions: Mapping[str, str],
    endpoint: Endpoint,
    *,
    model: str,
    cache: Path,
    progress: Callable[[int, int], None],
    workers: int = 4,
) -> dict[str, str]:
    """Ask a chat model what it was not asked before.

    Args:
        questions: by a key that changes whenever the answer could.
        endpoint: OpenAI-compatible.
        model: as the endpoint calls it.
        cache: the file of answers; made when it is missing.
        progress: called with answers had and questions in all.
        workers: questions under way at a time.

    Returns:
        The answer of each key; "" where the model said nothing.

    Raises:
        EndpointError: the endpoint failed after its retries; what was answered is kept.
        DataError, OutputError: the file holds something else, or cannot be written.
    """
    kept = AnswerFile(cache)
    missing = {key: text for key, text in questions.items() if key not in kept}
    known, total = len(questions) - len(missing), len(questions)
    progress(known, total)

    def ask(key: str) -> None:
        kept.add(key, _answer(endpoint, model, missing[key]))

    try:
        _run(ask, missing, workers, lambda done: progress(known + done, total))
    except EndpointError as error:
        have = sum(key in kept for key in questions)
        raise EndpointError(
            f"{error}; {have} of {total} answers are kept in {cache}: run the same again to go on "
            "from there"
        ) from error
    return {key: kept[key] for key in questions}


def _run(
    ask: Callable[[str], None],
    keys: Mapping[str, str],
    workers: int,
    progress: Callable[[int], None],
) -> None:
    """Ask in threads; after a failure nothing new is asked, and what is under way is awaited."""
    stopped = Event()

    def work(key: str) -> None:
        if stopped.is_set():
            return
        try:
            ask(key)
        except BaseException:
            # Here and not by the waiting thread: this one would take the next question before.
            stopped.set()
            raise

    with ThreadPoolExecutor(workers) as pool:
        pending = [pool.submit(work, key) for key in keys]
        try:
            for done, future in enumerate(as_completed(pending), 1):
                future.result()
                progress(done)
        finally:
            stopped.set()


def _answer(endpoint: Endpoint, model: str, question: str) -> str:
    # No system message, temperature or length: some models refuse each of these.
    message = {"role": "user", "content": question}
    reply = endpoint.post(_PATH, {"model": model, "messages": [message]})
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise EndpointError(
            f"{_PATH}: the reply holds no message ({error!r}); check the model's name"
        ) from error
    if not isinstance(content, str):
        return ""
    return _THOUGHTS.sub("", content).strip()[:_KEPT_CHARS]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); choose another file for the answers"
        ) from error


def _entries(path: Path, text: str) -> dict[str, str]:
    answers = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(line)
            answers[str(entry["key"])] = str(entry["answer"])
        except (ValueError, KeyError, TypeError) as error:
            # A torn line is an entry that lacks its end; anything else is somebody's other file.
            if not (line.startswith(_ENTRY_START) or _ENTRY_START.startswith(line)):
                raise DataError(
                    f"{path}: line {number} is no answer of a chat model; choose another file "
                    "for the answers"
                ) from error
    return answers
