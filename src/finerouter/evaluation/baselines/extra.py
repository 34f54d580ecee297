"""scikit-learn, or the command that installs it."""

from __future__ import annotations

import importlib
from typing import Any

from finerouter.errors import ConfigError


def scikit_learn(module: str) -> Any:
    """A module of scikit-learn.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ConfigError(
            "this baseline needs scikit-learn; install it with: pip install 'finerouter[compare]'"
        ) from error
