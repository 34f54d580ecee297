"""The text of a prompt, and what identifies it.

Takes strings; gives stable ids. Knows nothing of tokens, embeddings or models.
"""

from __future__ import annotations

import hashlib


def prompt_id(text: str) -> str:
    """A stable id of a text: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def folded(text: str) -> str:
    """The text without the differences that do not make it another prompt: case, white space."""
    return " ".join(text.casefold().split())


def text_bytes(text: str) -> int:
    """Length in UTF-8 bytes, at least 1: the measure that token counts are predicted from.

    Bytes rather than characters, because a Chinese character is about one token and three bytes
    while an English token is about four.
    """
    return max(1, len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))
