"""A prompt to a request, and an answer to its text and tokens, for each API that endpoints speak.

    chat          OpenAI-compatible `/chat/completions`
    messages      Anthropic's `/messages`
    completions   plain text to be continued, `/completions`

Takes an `Asking` and a prompt, or a JSON answer; gives a body, or an `Answer`. Sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from finerouter.asking import Asking, Parameters
from finerouter.errors import EndpointError
from finerouter.upstream.usage import Usage, anthropic_usage, openai_usage

# The messages API wants a limit where nobody gave one.
DEFAULT_MAX_TOKENS = 4096
# Reasoning models behind a plain server put their thoughts before the answer, in its text.
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        text: without thoughts; "" where it said nothing.
        finish: why it stopped, in the endpoint's words.
        usage: tokens, None where the endpoint did not say.
    """

    text: str
    finish: str
    usage: Usage | None

    @property
    def cut(self) -> bool:
        """Whether it was stopped by the most tokens allowed."""
        return self.finish in ("length", "max_tokens")

    @property
    def filtered(self) -> bool:
        """Whether the endpoint's filter of contents stopped it, mostly before the first word."""
        return self.finish in ("content_filter", "refusal")


@dataclass(frozen=True)
class Api:
    """How one API is spoken."""

    path: str
    body: Callable[[Asking, str], Json]
    read: Callable[[Mapping[str, Any]], Answer]


def request_body(asking: Asking, prompt: str) -> Json:
    """The request in which the model of this entry is asked a prompt."""
    return APIS[asking.endpoint.api].body(asking, prompt)


def read_answer(asking: Asking, answer: Mapping[str, Any]) -> Answer:
    """The answer in a reply.

    Raises:
        EndpointError: there is none in it.
    """
    api = APIS[asking.endpoint.api]
    try:
        return api.read(answer)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise EndpointError(
            f"POST {api.path}: the reply holds no answer ({error!r}); check the model's name"
        ) from error


def _chat_body(asking: Asking, prompt: str) -> Json:
    parameters = asking.parameters
    system = [_message("system", parameters.system)] if parameters.system else []
    return {
        "model": asking.upstream_model,
        "messages": [*system, *_turns(parameters, prompt)],
        **_sampling(asking),
        **_given(stop=list(parameters.stop), reasoning_effort=parameters.reasoning_effort),
        **parameters.body,
    }


def _messages_body(asking: Asking, prompt: str) -> Json:
    parameters = asking.parameters
    effort, budget = parameters.reasoning_effort, parameters.thinking_budget
    return {
        "model": asking.upstream_model,
        asking.endpoint.max_tokens_name: DEFAULT_MAX_TOKENS + (budget or 0),
        "messages": _turns(parameters, prompt),
        **_sampling(asking),
        **_given(
            system=parameters.system,
            stop_sequences=list(parameters.stop),
            output_config={"effort": effort} if effort else None,
            thinking={"type": "enabled", "budget_tokens": budget} if budget else None,
        ),
        **parameters.body,
    }


def _completions_body(asking: Asking, prompt: str) -> Json:
    parameters = asking.parameters
    shown = "".join(f"{parameters.filled(text)} {reply}\n\n" for text, reply in parameters.examples)
    return {
        "model": asking.upstream_model,
        "prompt": shown + parameters.filled(prompt),
        **_sampling(asking),
        **_given(stop=list(parameters.stop)),
        **parameters.body,
    }


def _turns(parameters: Parameters, prompt: str) -> list[Json]:
    turns = []
    for text, reply in parameters.examples:
        turns += [_message("user", parameters.filled(text)), _message("assistant", reply)]
    return [*turns, _message("user", parameters.filled(prompt))]


def _message(role: str, content: str) -> Json:
    return {"role": role, "content": content}


def _sampling(asking: Asking) -> Json:
    # Nothing that was not asked for: some models refuse each of these.
    parameters = asking.parameters
    return _given(
        **{asking.endpoint.max_tokens_name: parameters.max_tokens},
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        seed=parameters.seed,
    )


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _read_chat(answer: Mapping[str, Any]) -> Answer:
    choice = answer["choices"][0]
    message = choice["message"]
    # Calls of tools stand in place of a text; a message with neither is no answer.
    content = message.get("content") if message.get("tool_calls") else message["content"]
    return _answer(content, choice, openai_usage(answer.get("usage")))


def _read_completions(answer: Mapping[str, Any]) -> Answer:
    choice = answer["choices"][0]
    return _answer(choice["text"], choice, openai_usage(answer.get("usage")))


def _read_messages(answer: Mapping[str, Any]) -> Answer:
    texts = [block["text"] for block in answer["content"] if block.get("type") == "text"]
    finish = str(answer.get("stop_reason") or "")
    return Answer(_spoken("".join(texts)), finish, anthropic_usage(answer.get("usage")))


def _answer(content: Any, choice: Mapping[str, Any], usage: Usage | None) -> Answer:
    return Answer(_spoken(_text(content)), str(choice.get("finish_reason") or ""), usage)


def _text(content: Any) -> str:
    """A text, or the texts of a list of parts; a call of tools has none."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _spoken(text: str) -> str:
    return _THOUGHTS.sub("", text) if "<think>" in text else text


APIS = {
    "chat": Api("/chat/completions", _chat_body, _read_chat),
    "messages": Api("/messages", _messages_body, _read_messages),
    "completions": Api("/completions", _completions_body, _read_completions),
}
