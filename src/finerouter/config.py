"""Configuration files -> the dataclasses that their modules own.

Takes TOML; gives a checked `TrainingConfig`. An unknown key is an error, because a misspelt one
would otherwise be ignored in silence.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError
from finerouter.training import TrainingConfig


def read_training_config(path: Path) -> TrainingConfig:
    """Read a TOML file whose keys are fields of `TrainingConfig`.

    Raises:
        ConfigError: the file cannot be read, or a key or value is wrong; names the key.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error}); mend the file") from error
    defaults = TrainingConfig()
    known = {item.name: getattr(defaults, item.name) for item in fields(TrainingConfig)}
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(known)}")
    values = {key: _fitting(f"{path}: {key}", known[key], value) for key, value in content.items()}
    try:
        return TrainingConfig(**values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _fitting(where: str, default: Any, value: Any) -> Any:
    """The value as the type of the default: whole number, number, or tuple of numbers."""
    if isinstance(default, tuple):
        if not isinstance(value, list):
            raise ConfigError(f"{where}: must be a list of numbers, not {value!r}")
        return tuple(_number(where, item) for item in value)
    if isinstance(default, int):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(f"{where}: must be a whole number, not {value!r}")
        return value
    return _number(where, value)


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: must be a number, not {value!r}")
    return float(value)
