"""The command line as a user meets it: another process, its exit code and its two streams."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import synthetic


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON; NaN would not be JSON."""
        return json.loads(self.out, parse_constant=_refuse)


def finerouter(*arguments: object, stdin: bytes = b"", **options: Any) -> Finished:
    """Run `python -m finerouter` with these arguments."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.run(
        [sys.executable, "-m", "finerouter", *map(str, arguments)],
        input=stdin,
        timeout=120,
        check=False,
        **{**streams, **options},
    )
    out, err = (text or b"" for text in (process.stdout, process.stderr))
    return Finished(process.returncode, out.decode("utf-8"), err.decode("utf-8", "replace"))


def quick_config(folder: Path) -> Path:
    """The quick training settings of the synthetic data, as a file."""
    path = folder / "quick.toml"
    lines = [
        f"{name} = {list(value) if isinstance(value, tuple) else value}"
        for name, value in vars(synthetic.QUICK).items()
    ]
    path.write_text("\n".join(lines))
    return path


def assert_refused(finished: Finished, *words: str) -> None:
    """The user's mistake: exit 2, nothing on standard output, one line that holds the words."""
    assert finished.code == 2, finished
    assert finished.out == ""
    assert finished.err.startswith("finerouter: ")
    assert finished.err.count("\n") == 1, finished.err
    for word in words:
        assert word in finished.err


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
