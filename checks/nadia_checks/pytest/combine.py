"""Adds up the measurements of many processes: RCFILE OUTPUT [MODULE…], run as a program.

A process of its own: coverage keeps the working folder in a global, and its plugins are the
project's code.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from pathlib import Path

import coverage
from coverage.exceptions import NoDataError


def main(rcfile: str, output: str, *modules: str) -> int:
    """Writes coverage's JSON report; `{}` where nothing was measured."""
    measured = coverage.Coverage(config_file=rcfile)
    measured.combine()
    data = measured.get_data()
    if data.measured_files():
        omitted = measured.get_option("run:omit")
        data.touch_files(_not_omitted(modules, omitted if isinstance(omitted, list) else []))
    try:
        measured.json_report(outfile=output)
    except NoDataError:
        Path(output).write_text("{}")
    return 0


def _not_omitted(modules: tuple[str, ...], patterns: list[str]) -> list[str]:
    paths = [os.fspath(Path.cwd() / module) for module in modules]
    return [path for path in paths if not any(fnmatch.fnmatch(path, one) for one in patterns)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
