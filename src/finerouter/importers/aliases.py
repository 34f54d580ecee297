"""Names of models, as the sources write them, to the names the user wants.

Takes a TOML or JSON file; gives a map. Two names that mean one model make one column.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from finerouter.errors import ConfigError


def read_aliases(path: Path) -> dict[str, str]:
    """Read an alias map: `"their name" = "our name"`, at the top or under `[aliases]`.

    Raises:
        ConfigError: the file cannot be read, or a name is not text.
    """
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a TOML or JSON file") from error
    if isinstance(content, dict) and set(content) == {"aliases"}:
        content = content["aliases"]
    if not isinstance(content, dict):
        raise ConfigError(f'{path}: expected lines such as "gpt-4o-2024-08-06" = "gpt-4o"')
    for theirs, ours in content.items():
        if not isinstance(ours, str) or not ours:
            raise ConfigError(f"{path}: the alias of {theirs!r} must be a name, not {ours!r}")
    return _resolved(path, content)


def _resolved(path: Path, aliases: Mapping[str, str]) -> dict[str, str]:
    """Every alias to its final name: an alias of an alias is followed."""
    resolved = {}
    for theirs in aliases:
        seen, name = {theirs}, aliases[theirs]
        while name in aliases and aliases[name] != name:
            if name in seen:
                raise ConfigError(f"{path}: the aliases of {theirs!r} go in a circle; break it")
            seen.add(name)
            name = aliases[name]
        resolved[theirs] = name
    return resolved
