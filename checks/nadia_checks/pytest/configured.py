"""Prints the project's configuration of coverage as JSON; run as a program in its folder.

A process of its own: where a second `Coverage` is made, the one that measures this process saves
nothing (so a measured test suite of this check would not be measured), and coverage's plugins are
the project's code.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import coverage

# Of the project's own configuration, what decides about lines and branches.
RUN_OPTIONS = [
    "concurrency",
    "context",
    "core",
    "cover_pylib",
    "disable_warnings",
    "include",
    "omit",
    "patch",
    "plugins",
    "sigterm",
    "source",
    "source_dirs",
    "source_pkgs",
    "timid",
]
REPORT_OPTIONS = [
    "exclude_lines",
    "include",
    "include_namespace_packages",
    "omit",
    "partial_branches",
    "partial_branches_always",
]


def main() -> int:
    try:
        configured = coverage.Coverage(data_file=None, config_file=True)
    except coverage.CoverageException as error:
        print(error, file=sys.stderr)
        return 1
    run = _options(configured, "run", RUN_OPTIONS)
    plugins = {name: configured.config.get_plugin_options(name) for name in run["plugins"]}
    others = {"paths": configured.get_option("paths"), **plugins}
    print(json.dumps([run, _options(configured, "report", REPORT_OPTIONS), others]))
    return 0


def _options(configured: coverage.Coverage, section: str, names: list[str]) -> dict[str, Any]:
    return {name: configured.get_option(f"{section}:{name}") for name in names}


if __name__ == "__main__":
    sys.exit(main())
