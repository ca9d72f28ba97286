"""Adds up the measurements of many processes: RCFILE OWN_FILES OUTPUT, run as a program.

A process of its own: coverage keeps the working folder in a global, and its plugins are the
project's code.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from pathlib import Path

import coverage
from coverage.exceptions import NoDataError


def main(rcfile: str, own_files: str, output: str) -> int:
    """Writes coverage's JSON report; `{}` where there is nothing to report.

    Own files (a JSON list of absolute paths) that no process met count as not run.
    """
    measured = coverage.Coverage(config_file=rcfile)
    measured.combine()
    if files := _not_omitted(json.loads(Path(own_files).read_bytes()), measured):
        data = measured.get_data()
        data.add_arcs({})
        data.touch_files(files)
    try:
        measured.json_report(outfile=output)
    except NoDataError:
        Path(output).write_text("{}")
    return 0


def _not_omitted(files: list[str], measured: coverage.Coverage) -> list[str]:
    omitted = measured.get_option("run:omit")
    patterns = omitted if isinstance(omitted, list) else []
    return [file for file in files if not any(fnmatch.fnmatch(file, str(p)) for p in patterns)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
