"""The salt of a repository is made once and then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.secrets.salt import SALT, ensure_salt, keyed_fingerprint, read_salt

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_made_once(tmp_path: Path) -> None:
    assert read_salt(tmp_path) is None
    salt = ensure_salt(tmp_path)
    assert len(salt) == 16
    assert (tmp_path / SALT).read_text() == f"{salt.hex()}\n"
    assert ensure_salt(tmp_path) == read_salt(tmp_path) == salt
    assert [path.name for path in (tmp_path / ".nadia").iterdir()] == ["salt"]


def test_two_projects_get_two(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert ensure_salt(tmp_path / "a") != ensure_salt(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"no hex", b"00ff", b"\xff" * 32])
def test_a_broken_one_is_an_error_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / SALT
    path.parent.mkdir()
    path.write_bytes(content)
    for use in (read_salt, ensure_salt):
        with pytest.raises(CheckError, match="restore it from git"):
            use(tmp_path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(tmp_path), "mkdir", refuse)
    with pytest.raises(UsageError, match="salt cannot be written: Permission denied"):
        ensure_salt(tmp_path)


def test_a_fingerprint_needs_the_salt() -> None:
    """The figures are those of `hmac.new(bytes(16), b"rule\\0value", "sha256")`."""
    expected = "816bb30ad25e167d"  # pragma: allowlist secret
    assert keyed_fingerprint(bytes(16), "rule", "value") == expected
    assert keyed_fingerprint(b"1" * 16, "rule", "value") != keyed_fingerprint(
        bytes(16), "rule", "value"
    )
    assert len(keyed_fingerprint(bytes(16), "rule", "\ud800")) == 16
