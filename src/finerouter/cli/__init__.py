"""The command `finerouter`: thin commands that parse, call one function, and print.

Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 something
outside failed, 2 something the user gave is wrong (one clear line, no traceback).
"""

from __future__ import annotations

import importlib
import os
import sys

# Before NumPy is imported. The matrices here are small: a second thread waits more than it works,
# and results would depend on the number of cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

from finerouter.errors import FinerouterError, UserError

_COMMANDS = (
    "demo",
    "import",
    "collect",
    "train",
    "evaluate",
    "report",
    "crossval",
    "route",
    "tasks",
    "cells",
    "probes",
    "join",
    "serve",
    "journal",
)
_FILES = {"import": "importing"}  # a module cannot be named by a keyword


class _LazyGroup(click.Group):
    """Imports a command when it is called, so that `route` never pays for training."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"finerouter.cli.{_FILES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finerouter")
def group() -> None:
    """Route each prompt to the best model of a pool, by quality and cost.

    Start with: finerouter demo
    """


def main() -> None:
    """Run the command line and end the process."""
    try:
        code = _run()
    except click.exceptions.Exit as ended:  # such as after --help
        code = ended.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        _say("stopped")
        code = 130
    except UserError as error:
        _say(str(error))
        code = 2
    except BrokenPipeError:
        # The reader, such as `head`, has what it wanted; Python must not complain at exit.
        _silence_stdout()
        code = 0
    except OSError as error:
        _say(f"output cannot be written ({error.strerror or error})")
        _silence_stdout()
        code = 1
    except FinerouterError as error:
        _say(str(error))
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _run() -> object:
    # Not `group.main`: that ends the process with 1 when a reader such as `head` has enough.
    with group.make_context("finerouter", sys.argv[1:]) as context:
        code = group.invoke(context)
    sys.stdout.flush()
    return code


def _silence_stdout() -> None:
    """Let what is still buffered go nowhere, for it would fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    # One line, whatever a file name or a foreign error brought along.
    click.echo(f"finerouter: {' '.join(text.split())}", err=True)
