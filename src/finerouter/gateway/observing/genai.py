"""Attributes of the OpenTelemetry semantic conventions for generative AI.

Takes a way of asking, or a record; gives attributes of a span. The conventions are still in
development; the names are those of their version 1.41.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from finerouter.asking import Asking
from finerouter.gateway.record import Record

_OPERATIONS = {"completions": "text_completion", "embeddings": "embeddings"}
# Hosts (or how they end) of providers that the conventions have a name for.
_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.cohere.com": "cohere",
    "api.perplexity.ai": "perplexity",
    "cloud.ibm.com": "ibm.watsonx.ai",
}


def attempt_attributes(api: str, model: str, asking: Asking | None) -> dict[str, Any]:
    """Of a call: what is asked for, of whom.

    Args:
        api: that the client used.
        model: its name in the pool.
        asking: where and how, None where that is not known.
    """
    if asking is None:
        return {"gen_ai.operation.name": _operation(api), "gen_ai.request.model": model}
    address = urlsplit(asking.endpoint.base_url)
    asked_by = api if api == "embeddings" else asking.endpoint.api
    return {
        "gen_ai.operation.name": _operation(asked_by),
        "gen_ai.provider.name": _provider(address.hostname or "", asking.endpoint.name),
        "gen_ai.request.model": asking.upstream_model,
        "server.address": address.hostname or "",
        "server.port": address.port or (443 if address.scheme == "https" else 80),
        "finerouter.model": model,
        "finerouter.endpoint": asking.endpoint.name,
    }


def usage_attributes(record: Record) -> dict[str, Any]:
    """Of the call that answered: what it took."""
    attributes: dict[str, Any] = {"gen_ai.request.stream": record.streamed}
    if record.session is not None:
        attributes["gen_ai.conversation.id"] = record.session
    if record.streamed and record.first_byte_ms is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = record.first_byte_ms / 1e3
    if record.cost_usd is not None:
        attributes["finerouter.cost_usd"] = record.cost_usd
    tokens = record.tokens
    if tokens is not None and not tokens.estimated:
        attributes |= {
            "gen_ai.usage.input_tokens": tokens.input,
            "gen_ai.usage.output_tokens": tokens.output,
            "gen_ai.usage.cache_read.input_tokens": tokens.cached_input,
            "gen_ai.usage.cache_creation.input_tokens": tokens.cache_write,
            "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
        }
    return attributes


def _operation(api: str) -> str:
    return _OPERATIONS.get(api, "chat")


def _provider(host: str, endpoint: str) -> str:
    """The provider's well-known name; the endpoint's name in the pool for any other."""
    for ending, name in _PROVIDERS.items():
        if host == ending or host.endswith("." + ending):
            return name
    return endpoint
