"""What a backend raises."""

from __future__ import annotations


class BackendError(Exception):
    """No server can be had: one line that says why and what to do next."""


class UrlError(BackendError):
    """The URL itself cannot be read, whatever server is there."""
