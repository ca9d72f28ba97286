"""What can go wrong, each with one line for the operator and the exit code of the program."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator


class CompanionError(Exception):
    """An error whose text is fit for the operator."""

    exit_code = 1


class UsageError(CompanionError):
    """The command line or the transcript is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """Settings that cannot be used; `problems` holds one line for each of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class StateLost(CompanionError):
    """Redis no longer holds what this process had stored there."""


class ModelError(CompanionError):
    """The language model gave no usable answer."""


class DeliveryError(CompanionError):
    """The log of sent messages cannot be read or written."""


class StoreError(CompanionError):
    """The store of silenced users cannot be read or written."""


class AlertError(CompanionError):
    """A channel did not take an alert."""


class MetricsError(CompanionError):
    """The metrics cannot be served."""


@contextmanager
def handle_errors(
    log: logging.Logger, doing: str, absorb: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Log an exception; raise it again unless its type is in `absorb`."""
    try:
        yield
    except absorb as error:
        log.error("%s: %s", doing, error)
    except Exception as error:
        log.error("%s: %s: %s", doing, type(error).__name__, error)
        raise
