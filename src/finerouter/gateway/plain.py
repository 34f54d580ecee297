"""What the paths beside inference share: JSON in, JSON out, errors as JSON.

Takes handlers that raise; gives handlers that answer. Knows nothing of what they do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from finerouter.errors import DataError
from finerouter.gateway.api_errors import error_body
from finerouter.gateway.asgi import ClientGone, Exchange
from finerouter.gateway.refusals import refusal
from finerouter.gateway.service import Service

Handler = Callable[[Service, Exchange], Awaitable[None]]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def answering_errors(handler: Handler) -> Handler:
    """The handler, with what it raises told to the client."""

    async def answered(service: Service, exchange: Exchange) -> None:
        try:
            await handler(service, exchange)
        except ClientGone:
            pass
        except Exception as error:
            told = refusal(error)
            body = error_body("chat", told.status, told.message, told.kind)
            await exchange.answer(told.status, body, told.headers)

    return answered


async def read_json(service: Service, exchange: Exchange) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        DataError: it is none.
    """
    limits = service.parts.setup.settings.limits
    body = await exchange.body(limits.max_body_bytes, limits.body_timeout_s)
    try:
        return _decode(body)
    except RecursionError as error:
        raise DataError("the body is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"the body is not a JSON object in UTF-8 ({error})") from error


async def answer_json(exchange: Exchange, value: Any, status: int = 200) -> None:
    """Send a value as JSON; NaN and infinity become null."""
    await exchange.answer(status, _encode(value))
