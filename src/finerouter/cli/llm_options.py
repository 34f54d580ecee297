"""Having a chat model describe prompts and name tasks: `--describe-with`, `--name-with`.

Takes what the user typed; gives descriptions and names, or None where they were not asked for.
Says on standard error what was had and where the answers are kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from finerouter.asking import Asking, Endpoint
from finerouter.cli.endpoint_address import address, key_variable
from finerouter.collecting.questions import ask_all
from finerouter.collecting.request import check_askable
from finerouter.errors import ConfigError, EndpointError
from finerouter.pool import Model, ModelPool
from finerouter.tasks.describing import Ask, describe_prompts, name_tasks
from finerouter.tasks.taxonomy import Task
from finerouter.training import Progress


@dataclass(frozen=True)
class LlmOptions:
    """What a chat model shall do, and where it is.

    Attributes:
        describe_with, name_with: models, None for not at all. One that the pool knows with an
            endpoint is asked there, in its way and at its price.
        url, key_env: where any other is, None where not given.
        journal: file of all calls, None for one beside the output.
        budget_usd: what all of it may cost, None for any amount.
    """

    describe_with: str | None
    name_with: str | None
    url: str | None
    key_env: str | None
    journal: Path | None
    budget_usd: float | None

    @property
    def asked_for(self) -> bool:
        """Whether a chat model has anything to do."""
        return bool(self.describe_with or self.name_with)

    def check(self, pool: ModelPool | None, *, tasks_given: bool) -> None:
        """See that the options fit together, before anything is paid for.

        Args:
            pool: as named on the command line.
            tasks_given: whether a person decided all tasks.

        Raises:
            ConfigError: they do not; or the endpoint's address is none.
            PoolError: a model has no price, and there is a budget.
        """
        if not self.asked_for:
            if self.url or self.key_env or self.journal or self.budget_usd is not None:
                raise ConfigError(
                    "--llm-url, --llm-key-env, --llm-journal and --llm-budget do nothing alone; "
                    "add --describe-with MODEL or --name-with MODEL"
                )
            return
        if tasks_given:
            raise ConfigError(
                "--tasks has decided the tasks and their names; leave out --describe-with and "
                "--name-with, or add --rediscover"
            )
        named = filter(None, (self.describe_with, self.name_with))
        check_askable([self._model(name, pool) for name in named], budget_usd=self.budget_usd)

    def descriptions(
        self, prompts: Sequence[str], pool: ModelPool | None, out: Path, progress: Progress
    ) -> list[str] | None:
        """A phrase per prompt, "" where none was had; None if not asked for.

        Raises:
            EndpointError: the endpoint failed; what was answered is kept.
        """
        if self.describe_with is None:
            return None
        phrases = describe_prompts(
            prompts, self._ask(self.describe_with, pool, out), progress=progress
        )
        click.echo(
            f"{self.describe_with} described {sum(map(bool, phrases))} of {len(prompts)} prompts; "
            f"answers kept in {self._journal(out)}",
            err=True,
        )
        return phrases

    def names(
        self, tasks: Sequence[Task], pool: ModelPool | None, out: Path, progress: Progress
    ) -> list[str] | None:
        """A name per task of the router saved at `out`; None if not asked for.

        Raises:
            EndpointError: the endpoint failed; what was answered is kept.
        """
        if self.name_with is None:
            return None
        try:
            return name_tasks(tasks, self._ask(self.name_with, pool, out), progress=progress)
        except EndpointError as error:
            raise EndpointError(f"{error}; {out} is whole, with names from its terms") from error

    def _ask(self, name: str, pool: ModelPool | None, out: Path) -> Ask:
        model = self._model(name, pool)

        def ask(questions: Sequence[str], report: Callable[[int, int], None]) -> list[str]:
            if not questions:
                return []
            return ask_all(
                questions,
                model,
                journal=self._journal(out),
                budget_usd=self.budget_usd,
                progress=report,
            )

        return ask

    def _model(self, name: str, pool: ModelPool | None) -> Model:
        known = pool[name] if pool and name in pool.names else None
        if known and known.asking and not (self.url or self.key_env):
            return known
        endpoint = Endpoint("llm", address(self.url), key_env=key_variable(self.key_env))
        return Model(name, asking=Asking(endpoint, name))

    def _journal(self, out: Path) -> Path:
        return self.journal or Path(f"{out}.llm-journal.sqlite")


def llm_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it is called with `llm`, an `LlmOptions`."""

    @click.option(
        "--describe-with",
        metavar="MODEL",
        help="Chat model that says what kind of task each prompt is; tasks are found on that.",
    )
    @click.option("--name-with", metavar="MODEL", help="Chat model that names the tasks.")
    @click.option(
        "--llm-url",
        metavar="URL",
        help="Its OpenAI-compatible endpoint. "
        "[default: OPENAI_BASE_URL if set, else https://api.openai.com/v1]",
    )
    @click.option(
        "--llm-key-env",
        metavar="NAME",
        help="Environment variable that holds its key. [default: OPENAI_API_KEY]",
    )
    @click.option(
        "--llm-journal",
        type=click.Path(path_type=Path),
        help="File of its answers, each paid for once. [default: OUT.llm-journal.sqlite]",
    )
    @click.option(
        "--llm-budget",
        type=click.FloatRange(0),
        metavar="USD",
        help="What it may cost in all; MODEL must stand in --pool, with prices and max_tokens.",
    )
    @functools.wraps(command)
    def with_llm(
        *args: Any,
        describe_with: str | None,
        name_with: str | None,
        llm_url: str | None,
        llm_key_env: str | None,
        llm_journal: Path | None,
        llm_budget: float | None,
        **rest: Any,
    ) -> None:
        llm = LlmOptions(describe_with, name_with, llm_url, llm_key_env, llm_journal, llm_budget)
        command(*args, llm=llm, **rest)

    return with_llm
