"""Requests in the endpoint's API, and its answers in the client's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.asking import Parameters
from finerouter.gateway.translating.identity import Identity
from finerouter.gateway.translating.protocol import StreamTranslation, Translation
from finerouter.gateway.translating.requests import read
from finerouter.gateway.translating.translated import Translated

__all__ = ["StreamTranslation", "Translation", "obstacles", "translation"]


def obstacles(
    fields: Mapping[str, Any], source: str, target: str, parameters: Parameters
) -> list[str]:
    """Why a client's body cannot be asked in the endpoint's API; empty if it can.

    Args:
        fields: of the body, any JSON values.
        source: the client's API.
        target: the endpoint's.
        parameters: of the pool entry.
    """
    del parameters  # what an entry's parameters add can be asked in its endpoint's API
    return [] if source == target else read(fields, source, target)[1]


def translation(source: str, target: str) -> Translation:
    """From the client's API to the endpoint's, and back."""
    return Identity(source) if source == target else Translated(source, target)
