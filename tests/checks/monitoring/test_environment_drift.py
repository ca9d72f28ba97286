"""NAD809: the code, the examples and the compose files disagree about environment variables."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

EXAMPLE = "# settings\nBOT_TOKEN=\n"
READS = 'import os\nTOKEN = os.environ["BOT_TOKEN"]\n'


def project(code: str = "", example: str = EXAMPLE, **more: str) -> dict[str, str]:
    return {"bot.py": READS + code, ".env.example": example, **more}


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ('os.environ["BOT_KEY"]', "error"),
        ('NAME = "BOT_KEY"\nx = os.environ[NAME]', "error"),
        ('os.environ["BOT_" + "KEY"]', "error"),
        ('os.getenv("BOT_KEY")', "warning"),
        ('os.environ.get("BOT_KEY")', "warning"),
    ],
)
def test_what_no_example_names_is_found(only: Any, code: str, severity: str) -> None:
    draft = only(project(code + "\n"))

    assert (draft.rule, draft.severity, draft.path) == ("NAD809", severity, "bot.py")
    assert draft.line == 2 + len(code.splitlines())
    assert "BOT_KEY, which .env.example does not name" in draft.message


@pytest.mark.parametrize(
    "code",
    [
        'os.getenv("BOT_KEY", "default")',
        'os.getenv("BOT_KEY") or "default"',
        'os.environ.get("BOT_KEY", default="x")',
        'x = os.environ["BOT_KEY"] if "BOT_KEY" in os.environ else None',
        'os.environ["BOT_KEY"] = "1"\nx = os.environ["BOT_KEY"]',
        'os.environ.setdefault("BOT_KEY", "1")\nx = os.environ["BOT_KEY"]',
        'os.environ["HOME"]',
        'x = {}["BOT_KEY"]',
        "os.environ[3]",
        "os.getenv(*x)",
        "x = lambda name: os.environ[name]",
    ],
)
def test_what_has_a_default_or_is_well_known_needs_no_example(look: Any, code: str) -> None:
    assert look(project(code + "\n")).drafts == []


def test_a_test_needs_no_example(look: Any) -> None:
    files = project()
    files["tests/test_bot.py"] = 'import os\nx = os.environ["ONLY_IN_A_TEST"]\n'

    assert look(files).drafts == []


def test_a_renamed_variable_is_found_from_both_sides(look: Any) -> None:
    needed, unread = look(project(example="BOT_TOKEM=\n")).drafts

    assert (needed.path, needed.severity) == ("bot.py", "error")
    assert "BOT_TOKEM" in needed.help
    assert (unread.path, unread.line, unread.severity) == (".env.example", 1, "warning")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (".env.example", EXAMPLE + "BOT_OLD=1\n", 3),
        (".env.example", EXAMPLE + "#BOT_OLD=1\n", 3),
        ("compose.yaml", "services:\n  a:\n    build: .\n    environment:\n      BOT_OLD: 1\n", 5),
        ("docker-compose.yml", "services:\n  a:\n    build: .\n    environment: [BOT_OLD=1]\n", 4),
        (".github/workflows/ci.yml", "jobs:\n  a:\n    env:\n      BOT_OLD: 1\n", 4),
    ],
)
def test_what_nobody_reads_is_found(only: Any, name: str, text: str, line: int) -> None:
    draft = only({**project(), name: text})

    assert (draft.rule, draft.severity, draft.path, draft.line) == ("NAD809", "warning", name, line)
    assert "BOT_OLD, which nobody reads" in draft.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.sh", 'echo "$BOT_OLD"\n'),
        ("Makefile", "run:\n\techo $(BOT_OLD)\n"),
        ("web/app.js", "process.env.BOT_OLD\n"),
        ("more.py", 'KNOWN = ("BOT_OLD",)\n'),
        (
            "more.py",
            'PREFIX = "BOT_"\nsettings = {"OLDER": 1}\nname = PREFIX + "OLD_ONE"\nx = "BOT_OLD"\n',
        ),
        ("more.py", "class Settings(BaseSettings):\n    old: int\n"),
        ("compose.yml", "services:\n  a:\n    image: x:${BOT_OLD}\n"),
        ("Dockerfile", "ARG BOT_OLD\n"),
    ],
)
def test_whoever_reads_it_counts(look: Any, name: str, text: str) -> None:
    assert look({**project(example=EXAMPLE + "BOT_OLD=1\n"), name: text}).drafts == []


def test_a_document_is_no_reader(only: Any) -> None:
    files = project(example=EXAMPLE + "BOT_OLD=1\n")

    assert only({**files, "README.md": "Set BOT_OLD.\n"}).rule == "NAD809"


def test_what_the_settings_name_is_known(look: Any) -> None:
    files = project('x = os.environ["MESH_ID"]\n', EXAMPLE + "MESH_REGION=1\n")

    assert look(files, 'known_variables = ["MESH_*"]').drafts == []


@pytest.mark.parametrize(
    ("value", "severity"),
    [("${BOT_PORT}", "warning"), ("$BOT_PORT", "warning"), ("${BOT_PORT:?x}", "error")],
)
def test_what_a_compose_file_puts_in_is_found(only: Any, value: str, severity: str) -> None:
    compose = f"services:\n  a:\n    image: x\n    ports: ['{value}:80']\n"

    draft = only({**project(), "compose.yaml": compose})

    assert (draft.path, draft.line, draft.severity) == ("compose.yaml", 4, severity)


@pytest.mark.parametrize(
    "value", ["${BOT_PORT:-80}", "${BOT_PORT-80}", "$${BOT_PORT}", "${BOT_PORT:+8}"]
)
def test_what_a_compose_file_has_a_default_for_is_fine(look: Any, value: str) -> None:
    compose = f"services:\n  a:\n    image: x\n    command: '{value}'\n    # ${{BOT_OTHER}}\n"

    assert look({**project(), "compose.yaml": compose}).drafts == []


def test_without_an_example_nothing_is_missing(look: Any) -> None:
    assert look({"bot.py": READS, "compose.yaml": "services: {a: {image: x}}\n"}).drafts == []


def test_a_broken_compose_file_is_found(only: Any) -> None:
    draft = only({**project(), "compose.yaml": "services:\n  a: [\n"})

    assert (draft.rule, draft.path, draft.severity) == ("NAD809", "compose.yaml", "error")
