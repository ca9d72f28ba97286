"""A deployment that rolls back once, and those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_nadia.health.deploy import Rehearsal

if TYPE_CHECKING:
    from pathlib import Path

LOOK = """\
import os, subprocess, sys, urllib.error, urllib.request
def healthy():
    try:
        return urllib.request.urlopen(os.environ["HEALTH_URL"], timeout=5).status == 200
    except urllib.error.URLError:
        return False
"""
CAREFUL = LOOK + "if all(healthy() for _ in range(5)): sys.exit(0)\n"


@pytest.fixture
def rehearse(tmp_path: Path) -> Rehearsal:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Rehearsal(scratch)


def deployment(tmp_path: Path, text: str) -> list[str]:
    import sys

    path = tmp_path / "deploy.py"
    path.write_text(text)
    return [sys.executable, "-S", str(path)]


@pytest.mark.slow
def test_a_careful_deployment_passes(rehearse: Rehearsal, tmp_path: Path) -> None:
    deploy = deployment(tmp_path, CAREFUL + 'subprocess.run(["undo"]); sys.exit(1)\n')

    found = rehearse(deploy, "undo")

    assert [(one.case, one.rollbacks, one.code) for one in found] == [
        ("healthy", 0, 0),
        ("before", 1, 1),
        ("during", 1, 1),
        ("after", 1, 1),
        ("rollback fails", 1, 1),
    ]
    assert [one.looks for one in found] == [5, 1, 2, 3, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CAREFUL + "sys.exit(1)\n", "it rolled back 0 times, not 1"),
        (
            CAREFUL + 'subprocess.run(["undo"]); subprocess.run(["undo"]); sys.exit(1)\n',
            "it rolled back 2 times, not 1",
        ),
        (CAREFUL + 'subprocess.run(["undo"])\n', "it ended with exit code 0, not another than 0"),
        (
            CAREFUL + 'sys.exit(subprocess.run(["undo"]).returncode)\n',
            "it ended with exit code 0, not another than 0",
        ),
        (
            LOOK + 'if not healthy(): subprocess.run(["undo"]); sys.exit(1)\n',
            "it asked for health once: a failure that comes later is never seen",
        ),
        ("pass\n", "it asked for health 0 times: a failure that comes at all is never seen"),
        (LOOK + 'subprocess.run(["undo"]); healthy(); sys.exit(1)\n', "it rolled back 1 times"),
    ],
)
def test_others_are_told_what_is_wrong(
    rehearse: Rehearsal, tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        rehearse(deployment(tmp_path, text), "undo")

    assert problem in str(caught.value)


@pytest.mark.slow
def test_one_that_hangs_is_ended(rehearse: Rehearsal, tmp_path: Path) -> None:
    deploy = deployment(tmp_path, "import time\ntime.sleep(60)\n")

    with pytest.raises(AssertionError, match="it did not end in time"):
        rehearse(deploy, "undo", deadline=0.2)


@pytest.mark.slow
def test_a_script_of_the_project_is_replaced_in_a_copy(rehearse: Rehearsal, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    script = project / "scripts" / "undo.sh"
    script.write_text("#!/bin/sh\ntouch really-rolled-back\n")
    script.chmod(0o755)
    text = CAREFUL + 'subprocess.run(["scripts/undo.sh"]); sys.exit(1)\n'

    found = rehearse(deployment(project, text), "scripts/undo.sh", cwd=project)

    assert [one.rollbacks for one in found] == [0, 1, 1, 1, 1]
    assert "touch" in script.read_text()
    assert not (project / "really-rolled-back").exists()


def test_wrong_arguments_are_refused(rehearse: Rehearsal, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a command"):
        rehearse("", "undo")
    with pytest.raises(ValueError, match="is no file in"):
        rehearse("true", "scripts/undo.sh", cwd=tmp_path)
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").touch()
    with pytest.raises(ValueError, match="is no file in"):
        rehearse("true", "../outside", cwd=tmp_path / "inside")


def test_a_command_that_does_not_exist_is_refused(rehearse: Rehearsal) -> None:
    with pytest.raises(ValueError, match="no-such-deployment cannot be started"):
        rehearse("no-such-deployment", "undo")
