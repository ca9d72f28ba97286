"""The two ways in which something other than a finding goes wrong."""

from __future__ import annotations


class UsageError(Exception):
    """The command or the configuration is wrong: one line to show, exit code 2."""


class CheckError(Exception):
    """A check could not run or could not decide: its status is `error`, the text its reason."""
