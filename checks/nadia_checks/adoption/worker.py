"""The process of one check in a trial run: the project as if its files were written already."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from nadia_checks import worker
from nadia_checks.core.config import parse_config
from nadia_checks.core.project import Project, load_project

if TYPE_CHECKING:
    from pathlib import Path


def main() -> int:
    table, salt = json.loads(sys.argv.pop(1))

    def load(path: Path, known_checks: list[str]) -> Project:
        config = parse_config(table, known_checks)
        project = load_project(path, known_checks)
        return replace(project, config=config, salt=bytes.fromhex(salt))

    return worker.main(load)


if __name__ == "__main__":
    sys.exit(main())
