"""Having a chat model describe prompts and name tasks: `--describe-with`, `--name-with`.

Takes what the user typed; gives descriptions and names, or None where they were not asked for.
Says on standard error what was had and where the answers are kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from finerouter.cli.endpoint_address import address, key_variable
from finerouter.endpoint import Endpoint
from finerouter.errors import ConfigError, EndpointError
from finerouter.tasks.describing import describe_prompts, name_tasks
from finerouter.tasks.taxonomy import Task
from finerouter.training import Progress


@dataclass(frozen=True)
class LlmOptions:
    """What a chat model shall do, and where it is.

    Attributes:
        describe_with, name_with: models, None for not at all.
        url, key_env: of their endpoint, None where not given.
        cache: file of their answers, None for one beside the output.
    """

    describe_with: str | None
    name_with: str | None
    url: str | None
    key_env: str | None
    cache: Path | None

    @property
    def asked_for(self) -> bool:
        """Whether a chat model has anything to do."""
        return bool(self.describe_with or self.name_with)

    def check(self, *, tasks_given: bool) -> None:
        """See that the options fit together, before anything is paid for.

        Args:
            tasks_given: whether a person decided all tasks.

        Raises:
            ConfigError: they do not; or the endpoint's address is none.
            UserError: the extra is missing.
        """
        if not self.asked_for:
            if self.url or self.key_env or self.cache:
                raise ConfigError(
                    "--llm-url, --llm-key-env and --llm-cache do nothing alone; "
                    "add --describe-with MODEL or --name-with MODEL"
                )
            return
        if tasks_given:
            raise ConfigError(
                "--tasks has decided the tasks and their names; leave out --describe-with and "
                "--name-with, or add --rediscover"
            )
        with self._endpoint():
            pass

    def descriptions(
        self, prompts: Sequence[str], out: Path, progress: Progress
    ) -> list[str] | None:
        """A phrase per prompt, "" where none was had; None if not asked for.

        Raises:
            EndpointError: the endpoint failed; what was answered is kept.
        """
        if self.describe_with is None:
            return None
        cache = self._cache(out)
        with self._endpoint() as endpoint:
            phrases = describe_prompts(
                prompts, endpoint, model=self.describe_with, cache=cache, progress=progress
            )
        click.echo(
            f"{self.describe_with} described {sum(map(bool, phrases))} of {len(prompts)} prompts; "
            f"answers kept in {cache}",
            err=True,
        )
        return phrases

    def names(self, tasks: Sequence[Task], out: Path, progress: Progress) -> list[str] | None:
        """A name per task of the router saved at `out`; None if not asked for.

        Raises:
            EndpointError: the endpoint failed; what was answered is kept.
        """
        if self.name_with is None:
            return None
        try:
            with self._endpoint() as endpoint:
                return name_tasks(
                    tasks, endpoint, model=self.name_with, cache=self._cache(out), progress=progress
                )
        except EndpointError as error:
            raise EndpointError(f"{error}; {out} is whole, with names from its terms") from error

    @contextmanager
    def _endpoint(self) -> Iterator[Endpoint]:
        endpoint = Endpoint(address(self.url), api_key_env=key_variable(self.key_env))
        try:
            yield endpoint
        finally:
            endpoint.close()

    def _cache(self, out: Path) -> Path:
        return self.cache or Path(f"{out}.descriptions.jsonl")


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
        "--llm-cache",
        type=click.Path(path_type=Path),
        help="File of its answers, each paid for once. [default: OUT.descriptions.jsonl]",
    )
    @functools.wraps(command)
    def with_llm(
        *args: Any,
        describe_with: str | None,
        name_with: str | None,
        llm_url: str | None,
        llm_key_env: str | None,
        llm_cache: Path | None,
        **rest: Any,
    ) -> None:
        llm = LlmOptions(describe_with, name_with, llm_url, llm_key_env, llm_cache)
        command(*args, llm=llm, **rest)

    return with_llm
