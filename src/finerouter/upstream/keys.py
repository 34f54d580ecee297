"""Where the key of an endpoint is read, and how it is kept out of texts.

The key is read at each call, so that a new one counts at once, and stands in no message, log or
`repr`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from finerouter.asking import looks_like_path
from finerouter.errors import UserError


@dataclass(frozen=True)
class Key:
    """The name of a variable or of a file; neither for an endpoint without keys."""

    env: str | None = None
    file: str | None = None

    @property
    def place(self) -> str:
        """Where the key stands, for people."""
        if self.file and not looks_like_path(self.file):
            return "the file named by key_file (not shown: it looks like a key)"
        return self.env or self.file or "an environment variable (key_env)"

    def read(self) -> str:
        """The key; "" where the variable is not set.

        Raises:
            UserError: the file cannot be read, or HTTP cannot carry what is in it.
        """
        if self.file:
            key = self._file_content()
        else:
            key = os.environ.get(self.env, "").strip() if self.env else ""
        # The HTTP library would quote an impossible header, key and all, in its error.
        if not (key.isascii() and key.isprintable()):
            raise UserError(
                f"the key in {self.place} holds characters that HTTP cannot carry; set it again"
            )
        return key

    @property
    def missing(self) -> str:
        """Why no key goes out now though one is named, and what to do; "" where all is well."""
        try:
            found = self.read()
        except UserError as error:
            return str(error)
        if found or not (self.env or self.file):
            return ""
        if self.file:
            return f"key file {self.place}: is empty; write the key"
        return (
            f"the environment has no {self.env}; set it, or remove key_env where no key is wanted"
        )

    def hidden(self, text: str) -> str:
        """The text without the key: some endpoints repeat it in their complaint about it."""
        try:
            key = self.read()
        except UserError:
            return text
        return text.replace(key, "[key]") if key else text

    def _file_content(self) -> str:
        try:
            return Path(self.file or "").read_text("utf-8").strip()
        except (OSError, ValueError) as error:  # no text in it, or no possible name of a file
            reason = getattr(error, "strerror", None) or "it is not text"
            raise UserError(
                f"key file {self.place}: cannot be read ({reason}); write the key"
            ) from None
