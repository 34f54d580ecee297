"""The page as it is sent: style and script inside, and a policy that lets nothing else run.

Reads the package's files; gives `Page`. The browser refuses every script but this very one, so that
no name of a model or text of a prompt can ever become one.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FOLDER = files("finerouter.gateway.dashboard")


@dataclass(frozen=True)
class Page:
    """HTML, and the headers it goes out with."""

    body: bytes
    headers: dict[str, str]


@cache
def load_page() -> Page:
    """The page."""
    style, script = _text("style.css"), _text("script.js")
    page = _text("page.html").replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Page(page.encode(), headers)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
