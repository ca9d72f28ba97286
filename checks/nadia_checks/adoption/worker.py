"""The process of one check in a trial run: the project as if its files were written already."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from nadia_checks import worker
from nadia_checks.core.config import parse_config
from nadia_checks.core.project import Project, load_project
from nadia_checks.secrets import check as secrets_check

if TYPE_CHECKING:
    from pathlib import Path


def main() -> int:
    table, salt = json.loads(sys.argv.pop(1))

    def load(path: Path, known_checks: list[str]) -> Project:
        return replace(load_project(path, known_checks), config=parse_config(table, known_checks))

    vars(worker)["load_project"] = load
    vars(secrets_check)["read_salt"] = lambda _root: bytes.fromhex(salt)
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
