"""What a backend raises."""

from __future__ import annotations


class BackendError(Exception):
    """No server can be had: one line that says why and what to do next."""
