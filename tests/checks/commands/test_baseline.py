from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from nadia_checks import cli
from nadia_checks.core import baseline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeProject = Callable[[dict[str, str | bytes]], Path]

UNUSED = "import os\n"
HELD = 'KEY = "{}"\n'.format("AK" + "IA" + "QWERTYUIOPASDFGH")


@pytest.fixture
def root(make_project: MakeProject) -> Path:
    return make_project({"bot/__init__.py": UNUSED, "bot/key.py": HELD})


def rules(root: Path) -> list[str]:
    return [known.entry.rule for known in baseline.read(root)]


@pytest.mark.slow
def test_write_makes_every_failing_finding_known(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["baseline", "write", str(root), "--only", "lint,secrets"]) == 0
    assert set(rules(root)) == {"ruff:F401", "detect-secrets:aws-access-key"}
    out = capsys.readouterr().out
    assert "baseline: 2 known (2 added, 0 removed)\n" in out
    assert "git add .nadia && git commit)\n" in out
    assert cli.main(["gate", str(root), "--only", "lint,secrets"]) == 0


def test_write_twice_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint"])
    before = (root / baseline.MAIN).read_bytes()
    assert cli.main(["baseline", "write", str(root), "--only", "lint"]) == 0
    assert (root / baseline.MAIN).read_bytes() == before
    assert capsys.readouterr().out.endswith("baseline: 1 known, nothing to change\n")


def test_nothing_of_a_secret_is_in_the_baseline(root: Path) -> None:
    cli.main(["baseline", "write", str(root), "--only", "secrets"])
    value = HELD.split('"')[1]
    for file in (root / ".nadia").iterdir():
        text = file.read_text()
        assert not any(value[n : n + 6] in text for n in range(len(value) - 5))


@pytest.mark.slow
def test_a_new_reason_is_for_new_entries(root: Path) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint", "--reason", "from\tthe start"])
    (root / "bot/new.py").write_text("import sys\n")
    cli.main(["baseline", "write", str(root), "--only", "lint", "--reason", "later"])
    reasons = {known.entry.path: known.entry.reason for known in baseline.read(root)}
    assert reasons == {"bot/__init__.py": "from the start", "bot/new.py": "later"}


def test_entries_of_other_checks_stay(root: Path) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint,secrets"])
    (root / "bot/__init__.py").write_text("")
    assert cli.main(["baseline", "write", str(root), "--only", "lint"]) == 0
    assert rules(root) == ["detect-secrets:aws-access-key"]


@pytest.mark.slow
def test_entries_below_a_module_that_does_not_collect_stay(make_project: MakeProject) -> None:
    bad = "def test_bad():\n    assert False\n"
    root = make_project({"test_a.py": bad, "test_b.py": "def test_b():\n    pass\n"})
    write = ["baseline", "write", str(root), "--only", "pytest", "--reason"]
    assert cli.main([*write, "first"]) == 0
    (root / "test_a.py").write_text("import nothing_of_this_name\n" + bad)
    assert cli.main([*write, "second"]) == 0
    known = {one.entry.rule: one.entry.reason for one in baseline.read(root)}
    assert known == {"pytest:failed": "first", "pytest:collect": "second"}
    (root / "test_a.py").write_text(bad)
    assert cli.main([*write, "third"]) == 0
    assert rules(root) == ["pytest:failed"]


def test_says_how_to_add_a_baseline_that_git_ignores(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".gitignore").write_text(".nadia\n")
    monkeypatch.chdir(root)
    assert cli.main(["baseline", "write", "--only", "lint"]) == 0
    *_, note, command = capsys.readouterr().out.splitlines()
    assert note.startswith("git ignores .nadia and 2 more (.gitignore:1:.nadia), but ")
    assert command == "next: git add --force .nadia/baseline .nadia/salt && git commit"


@pytest.mark.slow
def test_an_incomplete_run_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint"])
    (root / "ruff.toml").write_text("no-such-key = 1\n")
    before = (root / baseline.MAIN).read_bytes()
    assert cli.main(["baseline", "write", str(root), "--only", "lint,secrets"]) == 3
    assert [file.name for file in sorted((root / ".nadia").iterdir())] == ["baseline", "salt"]
    assert (root / baseline.MAIN).read_bytes() == before
    err = capsys.readouterr().err
    assert re.match(
        r"nadia: lint \(.+\) did not run to the end: the baseline is left as it was", err
    )


def test_an_unreadable_salt_is_the_checks_to_tell(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ".nadia").mkdir()
    (root / ".nadia/salt").write_text("no salt\n")
    assert cli.main(["baseline", "write", str(root), "--only", "secrets"]) == 3
    assert ".nadia/salt is not a line of 32" in capsys.readouterr().err


@pytest.mark.slow
def test_prune_removes_what_is_repaired_and_adds_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint,secrets"])
    (root / "bot/__init__.py").write_text("import sys\n")
    assert cli.main(["gate", str(root), "--only", "lint"]) == 1
    capsys.readouterr()
    assert cli.main(["baseline", "prune", str(root)]) == 0
    assert rules(root) == ["detect-secrets:aws-access-key"]
    assert "baseline: 1 known (0 added, 1 removed)\n" in capsys.readouterr().out


@pytest.mark.slow
def test_prune_keeps_the_entries_of_a_check_that_did_not_run(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint,secrets"])
    (root / "bot/__init__.py").write_text("")
    (root / "bot/key.py").write_text("")
    (root / "ruff.toml").write_text("no-such-key = 1\n")
    assert cli.main(["baseline", "prune", str(root), "--only", "lint,secrets"]) == 3
    assert rules(root) == ["ruff:F401"]
    assert "entries of these checks are kept" in capsys.readouterr().err


@pytest.mark.slow
def test_prune_with_nothing_to_do_keeps_the_file(root: Path) -> None:
    cli.main(["baseline", "write", str(root), "--only", "lint"])
    file = root / baseline.MAIN
    file.write_text("# ours\n" + file.read_text())
    before = file.read_bytes()
    assert cli.main(["baseline", "prune", str(root), "--only", "lint"]) == 0
    assert file.read_bytes() == before


def test_show_counts_and_runs_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [baseline.Entry("ruff:F401", str(n), "a.py") for n in range(1200)]
    entries += [baseline.Entry("ruff:E501", "1", "a.py"), baseline.Entry("gone:X", "1", "")]
    baseline.write(root, entries)
    assert cli.main(["baseline", "show", str(root)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1,202 known findings",
        "",
        "  count  check",
        "  1,201  lint",
        "      1  (none)",
        "",
        "  count  rule",
        "  1,200  ruff:F401",
        "      1  gone:X",
        "      1  ruff:E501",
        "",
        "oldest:    not committed yet",
        "direction: not committed yet",
    ]


def test_show_of_an_empty_baseline(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["baseline", "show", str(root)]) == 0
    assert capsys.readouterr().out == "the baseline is empty: every finding fails the gate\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["baseline"], "required: write|prune|show"),
        (["baseline", "shrink"], "invalid choice: 'shrink'"),
        (["baseline", "write", "/no/such/place"], "does not exist"),
        (["baseline", "show", "--only", "lint"], "unrecognized arguments"),
    ],
)
def test_a_wrong_command_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_names_the_check_that_does_not_exist(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["baseline", "prune", str(root), "--only", "lnt"]) == 2
    assert capsys.readouterr().err == "nadia: there is no check 'lnt'; did you mean 'lint'?\n"


def test_a_gate_inside_a_gate_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NADIA_GATE", "/elsewhere")
    assert cli.main(["baseline", "write", str(root)]) == 2
    assert not (root / ".nadia").exists()
    assert "a gate is already running" in capsys.readouterr().err


def test_a_baseline_grows_only_with_a_reason(
    make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_project({"a.py": "import os\n"})
    write = ["baseline", "write", str(root), "--only", "lint"]
    cli.main(write)
    (root / "a.py").write_text("import os\nimport sys\n")
    before = (root / ".nadia/baseline").read_text()

    assert cli.main(write) == 2
    assert "1 new line in a baseline that should shrink" in capsys.readouterr().err
    assert (root / ".nadia/baseline").read_text() == before
    assert cli.main([*write, "--reason", "generated code"]) == 0
    assert "generated code" in (root / ".nadia/baseline").read_text()
