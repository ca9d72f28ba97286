"""Starts the process that runs a project's health check, and reads what it leaves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.process import MEBIBYTE, python_module, run_program
from nadia_checks.health.job import Job, Result
from nadia_checks.pytest.configuration_files import as_list, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from nadia_checks.core.project import Project


def make_job(project: Project, *, wait: float | None = None) -> Job:
    """The job that the project's configuration asks for."""
    options = project.config.health
    return Job(
        check=options.check,
        healthy=options.healthy,
        store=options.store,
        deadline=options.deadline,
        limits=options.limits,
        paths=_paths(project.root),
        variables=project.config.redis.env,
        wait=wait,
    )


def run_job(job: Job, root: Path, scratch: Path, time_limit: float) -> Result:
    """What came of a job in the project's folder, within so many seconds.

    Raises:
        UsageError: the check, or what belongs to it, cannot be found or called.
        CheckError: its process ended before it gave a result.
    """
    asked, told = scratch / "health-job.json", scratch / "health-result.json"
    asked.write_bytes(msgspec.json.encode(job))
    command = python_module("nadia_checks.health.program", os.fspath(asked), os.fspath(told))
    done = run_program(command, cwd=root, time_limit=time_limit, stdout_limit=MEBIBYTE)
    try:
        result = msgspec.json.decode(told.read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError):
        raise CheckError(f"the process of the health check ended early: {done.last_line}") from None
    if result.wrong:
        raise UsageError(result.wrong)
    return result


def _paths(root: Path) -> list[str]:
    """Where pytest finds the project's modules, and so do we."""
    written = as_list(read_settings(root).get("pythonpath"))
    places = [os.path.normpath(root / one) for one in written]
    return list(dict.fromkeys([*places, os.fspath(root)]))
