"""Requests in the endpoint's API, and its answers in the client's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.asking import Parameters
from finerouter.errors import UserError
from finerouter.gateway.translating.identity import Identity
from finerouter.gateway.translating.protocol import StreamTranslation, Translation

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
    del fields, parameters
    return [] if source == target else [f"{source} is not translated to {target}"]


def translation(source: str, target: str) -> Translation:
    """From the client's API to the endpoint's, and back."""
    if source == target:
        return Identity(source)
    raise UserError(f"{source} is not translated to {target}; ask obstacles() first")
