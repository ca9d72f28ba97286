"""NAD808: a unit or a crontab that starts what does not exist."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

PROJECT = {
    "bot/__init__.py": "",
    "bot/daemon.py": "",
    "bot/cli/__init__.py": "",
    "bot/tool/__init__.py": "",
    "bot/tool/__main__.py": "",
    "scripts/backup.sh": "",
}


def unit(command: str, folder: str = "/opt/bot") -> dict[str, str]:
    text = f"[Service]\nWorkingDirectory={folder}\nExecStart={command}\n"
    return {**PROJECT, "deploy/bot.service": text}


def crontab(command: str) -> dict[str, str]:
    return {**PROJECT, "deploy/crontab": f"MAILTO=ops\n# daily\n*/5 * * * * {command}\n"}


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/python3 -m bot.deamon",
        "/opt/bot/.venv/bin/python -u -m bot.daemon.loop --once",
        "/usr/bin/env python3 -m bot.cli",
        "/opt/bot/scripts/restore.sh",
        "/usr/bin/python3 scripts/restore.py",
        '/bin/sh -c "cd /opt/bot && python3 -m bot.gone"',
        "/usr/bin/uvicorn bot.web:app --port 80",
        "-/usr/bin/python3 -m bot.deamon",
    ],
)
def test_is_found(only: Any, command: str) -> None:
    for files, path in (
        (unit(command), "deploy/bot.service"),
        (crontab(command), "deploy/crontab"),
    ):
        if path.endswith("crontab") and (command[0] == "-" or command.startswith("/opt/bot/scr")):
            continue  # there is no folder in which it runs, and no such prefix
        draft = only(files)
        assert (draft.rule, draft.severity, draft.path) == ("NAD808", "error", path)
        assert draft.line == 3
        break


@pytest.mark.parametrize(
    "command",
    [
        "python3 -m bot.deamon",
        "cd /opt/bot && python3 -m bot.deamon >> log 2>&1",
        "root cd /opt/bot; ./scripts/gone.sh",
        "cd /opt/bot && /opt/bot/scripts/gone.sh",
    ],
)
def test_is_found_in_a_crontab(only: Any, command: str) -> None:
    draft = only(crontab(command))

    assert (draft.rule, draft.severity, draft.line) == ("NAD808", "error", 3)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/python3 -m bot.daemon",
        "/usr/bin/python3 -m bot.tool",
        "/usr/bin/python3 -m http.server 80",
        "/usr/bin/python3 -m pytest -m slow",
        "/opt/bot/scripts/backup.sh",
        "/opt/other/scripts/gone.sh",
        "/opt/bot/bin/gone",
        "/opt/bot/.venv/bin/gunicorn other.web:app",
        "/usr/bin/python3 -m bot.${MODULE}",
        "/usr/bin/python3 ../elsewhere/tool.py",
        "/bin/sh -c 'unclosed \"'",
        "",
    ],
)
def test_what_is_there_or_lies_elsewhere_is_fine(look: Any, command: str) -> None:
    assert look(unit(command)).drafts == []


def test_a_mere_name_is_doubtful(only: Any) -> None:
    assert only(unit("/usr/bin/python3 -u gone.py")).severity == "warning"


def test_a_continued_line_is_found_where_it_begins(only: Any) -> None:
    assert only(unit("/usr/bin/python3 \\\n  -m \\\n  bot.gone")).line == 3


def test_every_kind_of_exec_is_read(found: Any) -> None:
    kinds = ("StartPre", "Start", "StartPost", "Reload", "Stop", "StopPost", "Condition")
    lines = "".join(f"Exec{kind} = +python3 -m bot.gone\n" for kind in kinds)

    places = found("NAD808", {**PROJECT, "bot.service": f"[Service]\n{lines}"})

    assert [line for _, line, _ in places] == list(range(2, 9))


@pytest.mark.parametrize(
    "entry",
    [
        "@daily python3 -m bot.gone",
        "0 4 * JAN-MAR MON python3 -m bot.gone",
        "1,2 */3 1-5 * 7 root python3 -m bot.gone",
    ],
)
def test_every_kind_of_schedule_is_read(only: Any, entry: str) -> None:
    assert only({**PROJECT, "ops/cron.d/bot": f"\n{entry}\n"}).line == 2
