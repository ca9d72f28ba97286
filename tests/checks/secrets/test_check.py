"""Planted secrets that must be found and never shown, and what must not be taken for one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest
from detect_secrets.plugins.base import BasePlugin

from nadia_checks.core.config import SecretsOptions
from nadia_checks.core.errors import CheckError
from nadia_checks.core.fingerprints import to_findings
from nadia_checks.core.project import load_project
from nadia_checks.registry import CHECK_NAMES
from nadia_checks.secrets import files, scan
from nadia_checks.secrets.check import SecretsCheck
from nadia_checks.secrets.salt import ensure_salt
from nadia_checks.secrets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nadia_checks.core.check import Outcome

    MakeProject = Callable[[dict[str, str | bytes]], Path]
    Run = Callable[..., Outcome]

AWS = "detect-secrets:aws-access-key"
KEYWORD = "detect-secrets:secret-keyword"
SALT = {".nadia/salt": "00112233445566778899aabbccddeeff\n"}


class Tokens(Protocol):
    def letters(self, count: int) -> str: ...
    def hexadecimal(self, count: int) -> str: ...
    def aws(self) -> str: ...
    def github(self) -> str: ...
    def telegram(self) -> str: ...
    def private_key(self) -> str: ...


class DeadlyToUnpickle:
    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (9,)


def places(outcome: Outcome) -> list[tuple[str, str, int, int]]:
    return sorted((one.rule, one.path, one.line, one.column) for one in outcome.drafts)


def baseline(root: Path, *found: tuple[str, str, str, bool | None], **more: Any) -> None:
    """Writes a .secrets.baseline that knows (path, type, value, is_secret)."""
    results: dict[str, list[dict[str, Any]]] = {}
    for path, type_, value, is_secret in found:
        sha1 = hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()
        entry = {"type": type_, "filename": path, "hashed_secret": sha1, "line_number": 1}
        entry |= {} if is_secret is None else {"is_secret": is_secret}
        results.setdefault(path, []).append(entry)
    content = {
        "version": "1.5.0",
        "plugins_used": [{"name": "AWSKeyDetector"}, {"name": "KeywordDetector"}],
        "filters_used": [],
        "results": results,
        **more,
    }
    (root / ".secrets.baseline").write_text(json.dumps(content))


def test_a_clean_project_gives_nothing(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.py": "x = 1\n", "README.md": "# Words\n", "empty": ""})
    outcome = run_check("secrets", root)
    assert outcome.drafts == []
    assert outcome.metrics == {"files": 3, "bytes": 14, "binary": 0, "skipped_large": 0}


def test_a_secret_is_found_and_not_shown(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    value = tokens.aws()
    root = make_project({"deploy/a.env": f"# keys\nKEY={value}\n"})
    [draft] = run_check("secrets", root).drafts
    assert (draft.rule, draft.path, draft.line, draft.column) == (AWS, "deploy/a.env", 2, 5)
    assert draft.message == "AWS Access Key in a tracked file"
    assert "revoke it" in draft.help
    assert "# pragma: allowlist secret" in draft.help
    assert value not in repr(draft)
    assert value not in repr(to_findings([draft], root))


def test_every_kind_of_place_is_read(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    secret = tokens.letters(24)
    root = make_project(
        {
            "list.yml": f"services:\n  bot:\n    environment:\n      - K=postgres://u:{secret}@h/d\n",
            "both.env": f'A="{tokens.aws()}"\nAPI_KEY={secret}\n',
            "a.toml": f'[bot]\npassword = "{secret}"\n',
            "a.ini": f"[bot]\npassword = {secret}\n",
            "a.json": json.dumps({"env": {"token": tokens.telegram()}}),
            "prose.md": f"The token is {tokens.github()}.\n",
            "bad-dates.yml": f'on: 2024-99-99\npassword: "{secret}"\n',
        }
    )
    found = {(one.path, one.rule) for one in run_check("secrets", root).drafts}
    assert found == {
        ("list.yml", "detect-secrets:basic-auth-credentials"),
        ("both.env", AWS),
        ("both.env", KEYWORD),
        ("a.toml", KEYWORD),
        ("a.ini", KEYWORD),
        ("a.json", "detect-secrets:telegram-bot-token"),
        ("prose.md", "detect-secrets:github-token"),
        ("bad-dates.yml", KEYWORD),
    }


def test_one_value_on_a_line_is_one_finding_of_the_most_telling_kind(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    root = make_project({"a.py": f'aws_secret_access_key = "{tokens.letters(40)}"\n'})
    assert places(run_check("secrets", root)) == [(AWS, "a.py", 1, 26)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_other_encodings_are_read(
    make_project: MakeProject, run_check: Run, tokens: Tokens, encoding: str
) -> None:
    text = f"# a file of some length\nKEY={tokens.aws()}\n"
    root = make_project({"a.env": text.encode(encoding)})
    assert places(run_check("secrets", root)) == [(AWS, "a.env", 2, 5)]


def test_latin_1_and_stray_nul_bytes_hide_nothing(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    key = tokens.aws()
    root = make_project(
        {"a.env": f"# \xfc\nKEY={key}\n".encode("latin-1"), "b.env": f"\0# some words\nKEY={key}\n"}
    )
    assert places(run_check("secrets", root)) == [(AWS, "a.env", 2, 5), (AWS, "b.env", 2, 5)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_do(
    make_project: MakeProject, run_check: Run, tokens: Tokens, newline: str
) -> None:
    text = f"# one\f\u2028still one{newline}KEY={tokens.aws()}{newline}"
    root = make_project({"a.env": text})
    assert places(run_check("secrets", root)) == [(AWS, "a.env", 2, 5)]


def test_binary_files_are_counted(make_project: MakeProject, run_check: Run) -> None:
    root = make_project({"a.dat": bytes(range(256)) * 40, "b.txt": "text\n"})
    outcome = run_check("secrets", root)
    assert outcome.drafts == []
    assert outcome.metrics["binary"] == 1


def test_large_files_are_not_passed_over(
    make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch, tokens: Tokens
) -> None:
    monkeypatch.setattr("nadia_checks.secrets.files.LARGE", 100)
    root = make_project({"big.txt": f"{tokens.aws()}\n" * 9, "a.txt": "text\n"})
    outcome = run_check("secrets", root)
    [draft] = outcome.drafts
    assert (draft.rule, draft.path, draft.severity) == (
        "detect-secrets:not-scanned",
        "big.txt",
        "error",
    )
    assert (outcome.metrics["files"], outcome.metrics["skipped_large"]) == (1, 1)


def test_odd_file_names(make_project: MakeProject, run_check: Run, tokens: Tokens) -> None:
    names = ["-x.env", "a b.env", "new\nline.env", os.fsdecode(b"not-\xff-utf-8.env")]
    root = make_project({**dict.fromkeys(names, f"KEY={tokens.aws()}\n")})
    assert [path for _, path, _, _ in places(run_check("secrets", root))] == [
        "-x.env",
        "a b.env",
        "new\\nline.env",
        "not-\\xff-utf-8.env",
    ]


def test_only_tracked_regular_files_are_read(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    root = make_project({"a.txt": "text\n"})
    (root / "untracked.env").write_text(f"KEY={tokens.aws()}\n")
    (root / "link.env").symlink_to("untracked.env")
    os.system(f"git -C '{root}' add link.env")  # nosec B605 B607
    assert run_check("secrets", root).metrics["files"] == 1


@pytest.mark.slow
def test_many_files_go_to_several_processes(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    key = f"KEY={tokens.aws()}\n"
    names = [f"m{number:03}.env" for number in range(scan.FEW + 1)]
    outcome = run_check("secrets", make_project({**dict.fromkeys(names, key), **SALT}))
    assert sorted(one.path for one in outcome.drafts) == names
    assert len({one.fingerprint for one in outcome.drafts}) == 1
    assert outcome.metrics["files"] == len(names)
    assert outcome.metrics["bytes"] == len(names) * len(key)


def test_hashes_and_pictures_are_no_secrets(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    sha = [tokens.hexadecimal(64) for _ in range(3)]
    picture = base64.b64encode(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + tokens.letters(90).encode()
    ).decode()
    integrity = {"integrity": f"sha512-{tokens.letters(86)}=="}
    root = make_project(
        {
            "requirements.txt": "a==1 \\\n"
            + " \\\n".join(f"    --hash=sha256:{one}" for one in sha),
            "poetry.lock": f'hash = "sha256:{sha[2]}"\n',
            "pnpm-lock.yaml": f"a:\n  resolution: {{x: '{tokens.letters(60)}'}}\n",
            "package-lock.json": json.dumps(integrity),
            "page.html": f'<script integrity="sha384-{tokens.letters(64)}"></script>\n',
            "a.py": f'revision = "{tokens.hexadecimal(40)}"\nDIGEST = "{sha[0]}"\n',
            "n.ipynb": json.dumps({"image/png": picture}),
        }
    )
    assert places(run_check("secrets", root)) == []


def test_allowed_lines_are_left_alone(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    root = make_project(
        {
            "a.py": f'KEY = "{tokens.aws()}"  # pragma: allowlist secret\n',
            "b.yml": f"# pragma: allowlist nextline secret\nkey: {tokens.aws()}\n",
        }
    )
    assert places(run_check("secrets", root)) == []


def test_excluded_files_are_left_out(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    settings = '[tool.nadia.secrets]\nexclude = ["samples/**"]\n'
    key = f"KEY={tokens.aws()}\n"
    root = make_project({"samples/deep/a.env": key, "b.env": key, "pyproject.toml": settings})
    assert [path for _, path, _, _ in places(run_check("secrets", root))] == ["b.env"]


@pytest.mark.slow
def test_thousands_of_hits_on_one_line(
    make_project: MakeProject, run_check: Run, tokens: Tokens
) -> None:
    rows = [{"number": at, "token": tokens.hexadecimal(40)} for at in range(2000)]
    root = make_project({"a.json": json.dumps(rows)})
    assert len(run_check("secrets", root).drafts) == 2000


class TestFingerprints:
    def test_it_is_the_same_in_two_places_and_after_a_move(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        key = tokens.aws()
        root = make_project({"a.env": f"KEY={key}\n", "b.py": f"\n\nx = '{key}'\n", **SALT})
        before = {one.fingerprint for one in run_check("secrets", root).drafts}
        assert len(before) == 1
        (root / "a.env").rename(root / "c.env")
        os.system(f"git -C '{root}' add -A")  # nosec B605 B607
        assert {one.fingerprint for one in run_check("secrets", root).drafts} == before

    def test_it_tells_values_kinds_and_salts_apart(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        root = make_project({"a.env": f"A={tokens.aws()}\nB={tokens.aws()}\n", **SALT})
        first = {one.fingerprint for one in run_check("secrets", root).drafts}
        (root / ".nadia/salt").write_text("ff" * 16)
        second = {one.fingerprint for one in run_check("secrets", root).drafts}
        assert len(first | second) == 4

    @pytest.mark.parametrize("kind", ["github", "private_key"])
    def test_it_tells_tokens_apart_of_which_only_the_kind_is_matched(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens, kind: str
    ) -> None:
        make = getattr(tokens, kind)
        root = make_project({"a.txt": make(), "b.txt": make(), **SALT})
        found = [one.fingerprint for one in run_check("secrets", root).drafts]
        assert len(found) == len(set(found)) == 2

    def test_without_a_salt_it_is_not_made_from_the_value(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        root = make_project({"a.env": f"A={tokens.aws()}\nB={tokens.aws()}\n"})
        findings = to_findings(run_check("secrets", root).drafts, root)
        (root / "a.env").write_text(f"\nA={tokens.aws()}\nB={tokens.aws()}\n")
        others = to_findings(run_check("secrets", root).drafts, root)
        assert len({one.fingerprint for one in findings}) == 2
        assert [one.fingerprint for one in findings] == [one.fingerprint for one in others]

    def test_the_salt_made_for_a_project_is_used(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        root = make_project({"a.env": f"A={tokens.aws()}\n"})
        ensure_salt(root)
        [draft] = run_check("secrets", root).drafts
        assert len(draft.fingerprint) == 16


class TestSecretsBaseline:
    def test_what_it_knows_is_not_reported_again(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        known, new, real = tokens.aws(), tokens.aws(), tokens.aws()
        root = make_project({"a.env": f"A={known}\nB={new}\nC={real}\nD={known}\n"})
        baseline(
            root,
            ("a.env", "AWS Access Key", known, None),
            ("a.env", "AWS Access Key", real, True),
            ("other.env", "AWS Access Key", new, False),
        )
        assert [line for _, _, line, _ in places(run_check("secrets", root))] == [2, 3]

    def test_its_plugins_and_filters_are_used(
        self, make_project: MakeProject, run_check: Run, tokens: Tokens
    ) -> None:
        files_: dict[str, str | bytes] = {
            "a.env": f"A={tokens.aws()}\nT={tokens.telegram()}\n",
            "skip.env": f"A={tokens.aws()}\n",
        }
        root = make_project(files_)
        path = "detect_secrets.filters.regex.should_exclude_file"
        baseline(root, filters_used=[{"path": path, "pattern": ["^skip"]}])
        outcome = run_check("secrets", root)
        assert places(outcome) == [(AWS, "a.env", 1, 3)]
        assert outcome.metrics["files"] == 1

    def test_itself_is_not_read(self, make_project: MakeProject, run_check: Run) -> None:
        root = make_project({"a.txt": "text\n", ".secrets.baseline": "", **SALT})
        baseline(root)
        assert run_check("secrets", root).metrics["files"] == 1

    def test_no_verification_is_ever_run(
        self,
        make_project: MakeProject,
        run_check: Run,
        tokens: Tokens,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("the network was asked")

        for plugin in [BasePlugin, *BasePlugin.__subclasses__()]:
            monkeypatch.setattr(plugin, "verify", refuse)
        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "create_connection", refuse)
        root = make_project({"a.env": f"A={tokens.aws()}\nT={tokens.telegram()}\n"})
        assert len(run_check("secrets", root).drafts) == 2
        path = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"
        baseline(root, filters_used=[{"path": path, "min_level": 2}])
        assert len(run_check("secrets", root).drafts) == 1

    def test_the_projects_own_plugins_run_but_not_in_a_preview(
        self, make_project: MakeProject, run_check: Run
    ) -> None:
        plugin = (
            "import re\n"
            "from detect_secrets.plugins.base import RegexBasedDetector\n\n"
            "class Owl(RegexBasedDetector):\n"
            "    secret_type = 'Owl Token'\n"  # pragma: allowlist secret
            "    denylist = [re.compile('owl-[a-z]{8}')]\n"
        )
        root = make_project({"tools/owl.py": plugin, "a.txt": "owl-abcdwxyz\n"})
        own = [{"name": "AWSKeyDetector"}, {"name": "Owl", "path": "file://tools/owl.py"}]
        baseline(root, plugins_used=own)
        expected = [("detect-secrets:owl-token", "a.txt", 1, 1)]
        assert places(run_check("secrets", root)) == expected
        assert places(run_check("secrets", root, preview=True)) == []

    @pytest.mark.parametrize(
        "content",
        [
            "no json",
            "[]",
            '{"version": "1.5.0"}',
            '{"version": "1.5.0", "plugins_used": [], "filters_used": [], "results": {}}',
            '{"version": "1.5.0", "plugins_used": [{"name": "Nix"}], "filters_used": [],'
            ' "results": {}}',
            '{"version": "1.5.0", "plugins_used": [{"name": "AWSKeyDetector"}],'
            ' "filters_used": [], "results": {"a": [{}]}}',
        ],
    )
    def test_one_that_cannot_be_used_is_an_error(
        self, make_project: MakeProject, run_check: Run, content: str
    ) -> None:
        root = make_project({"a.txt": "text\n", ".secrets.baseline": content})
        with pytest.raises(
            CheckError, match=r"^\.secrets\.baseline cannot be used \(\w+"
        ) as caught:
            run_check("secrets", root)
        assert "\n" not in str(caught.value)


class TestErrors:
    def test_a_scan_that_reads_nothing(self, make_project: MakeProject, run_check: Run) -> None:
        settings = '[tool.nadia.secrets]\nexclude = ["**"]\n'
        root = make_project({"a.txt": "text\n", "pyproject.toml": settings})
        with pytest.raises(CheckError, match="none of the tracked files was read"):
            run_check("secrets", root)

    def test_a_salt_that_is_none(self, make_project: MakeProject, run_check: Run) -> None:
        root = make_project({"a.txt": "text\n", ".nadia/salt": "<<<<<<< HEAD\n"})
        with pytest.raises(CheckError, match=r"\.nadia/salt .* restore it from git"):
            run_check("secrets", root)

    def test_an_unreadable_file_in_a_read_only_project(
        self, make_project: MakeProject, run_unprivileged: Callable[[str, Path], object]
    ) -> None:
        root = make_project({"a.txt": "text\n", "b.txt": "text\n"})
        assert run_unprivileged("secrets", root) == []
        (root / "b.txt").chmod(0)
        assert run_unprivileged("secrets", root) == (
            "b.txt cannot be scanned for secrets (PermissionError): "
            "repair it, or name it in exclude of [tool.nadia.secrets]"
        )

    def test_a_scanning_process_that_is_killed(
        self, make_project: MakeProject, run_check: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scan, "FEW", 1)
        settings = Settings({}, cast("frozenset[tuple[str, str, str]]", DeadlyToUnpickle()))
        monkeypatch.setattr(
            "nadia_checks.secrets.settings.read_settings", lambda *_, **__: settings
        )
        root = make_project({"a.txt": "text\n", "b.txt": "text\n"})
        with pytest.raises(CheckError, match="a process that looked for secrets was killed"):
            run_check("secrets", root)

    def test_a_fault_while_scanning_shows_no_secret(
        self,
        make_project: MakeProject,
        run_check: Run,
        tokens: Tokens,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        value = tokens.aws()

        def fail(_name: str, text: str) -> None:
            raise ValueError(text)

        monkeypatch.setattr("nadia_checks.secrets.engine.scan_text", fail)
        with pytest.raises(CheckError, match=r"a.env cannot be scanned .*ValueError") as caught:
            run_check("secrets", make_project({"a.env": f"K={value}\n"}))
        assert value not in str(caught.value)
        assert caught.value.__suppress_context__


def test_it_applies_where_git_tracks_files(make_project: MakeProject) -> None:
    root = make_project({})
    (root / "a.txt").write_text("text\n")
    project = load_project(root, CHECK_NAMES)
    assert SecretsCheck().not_applicable(project) == "git tracks no file here"
    assert SecretsCheck().options(project) == SecretsOptions()


def test_text_is_told_from_binary_data() -> None:
    assert files.decode(b"") == ""
    assert files.decode("Grüße\n".encode()) == "Grüße\n"
    assert files.decode(bytes(range(256))) is None
