"""Everything finerouter raises on purpose.

    FinerouterError
    ├── UserError                 the caller can mend it: the command line exits 2 with one line
    │   ├── DataError             outcomes, prompts or a task file do not fit
    │   ├── PoolError             a pool of models is wrong or lacks what was asked of it
    │   ├── ConfigError           a configuration file or a hyper-parameter is wrong
    │   ├── PolicyError           a policy contradicts itself or needs prices nobody gave
    │   │   └── NoEligibleModel   every model was filtered out; says which filter took which
    │   ├── ArtifactError         a router on disk is damaged or of another version
    │   │   └── EncoderMismatch   the router was trained with another encoder
    │   ├── EncoderError          an encoder cannot be had: missing extra, file or key
    │   └── OutputError           a result cannot be written (disk full, not a folder)
    ├── EndpointError             a remote endpoint failed after its retries
    └── JournalUnavailable        the gateway's journal cannot be reached now

A message names the file, row or field, and the next step. Foreign errors are mapped once, where
they enter.
"""

from __future__ import annotations


class FinerouterError(Exception):
    """Base of all errors raised on purpose."""


class UserError(FinerouterError):
    """Something the caller gave is wrong; the message says what to do next."""


class DataError(UserError):
    """Outcomes, prompts or an edited task file that cannot be used as they are."""


class PoolError(UserError):
    """A pool file is wrong, or a model is not in the pool."""


class ConfigError(UserError):
    """A configuration file or a hyper-parameter is wrong."""


class PolicyError(UserError):
    """A policy contradicts itself, or needs a price that the pool does not have."""


class NoEligibleModel(PolicyError):
    """Filters left no model to choose from."""


class ArtifactError(UserError):
    """A router on disk is incomplete, damaged or of a version this package cannot read."""


class EncoderMismatch(ArtifactError):
    """The encoder at hand is not the one that the router was trained with."""


class EncoderError(UserError):
    """An encoder cannot be had: its extra, its file or its key is missing."""


class OutputError(UserError):
    """A result could not be written; nothing half-written was left behind."""


class EndpointError(FinerouterError):
    """A remote endpoint failed after all retries.

    Attributes:
        status: what HTTP said, 0 where there was no answer that could be read.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class JournalUnavailable(FinerouterError):
    """The gateway's journal cannot be read or written now; it may be later."""
