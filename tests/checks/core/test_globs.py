"""Globs of the configuration against paths of the project."""

from __future__ import annotations

import pytest

from nadia_checks.core.globs import matcher


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("tests/**", "tests/test_a.py"),
        ("tests/**", "tests/deep/er/test_a.py"),
        ("**/tests/**", "tests/a.py"),
        ("**/tests/**", "pkg/tests/a.py"),
        ("**/test_*.py", "test_a.py"),
        ("**/test_*.py", "a/b/test_a.py"),
        ("docs", "docs/deep/a.md"),
        ("docs/", "docs/a.md"),
        ("./docs/*.md", "docs/a.md"),
        ("a?c", "abc"),
        ("[ab].py", "a.py"),
        ("[!ab].py", "c.py"),
        ("a.b", "a.b"),
        ("new*", "new\nline"),
        ("**", "any/thing"),
    ],
)
def test_it_matches(glob: str, path: str) -> None:
    assert matcher([glob])(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("tests/**", "mytests/a.py"),
        ("tests/**", "pkg/tests/a.py"),
        ("*.py", "pkg/a.py"),
        ("a?c", "a/c"),
        ("**/test_*.py", "pkg/test_dir/a.py"),
        ("docs", "docs2/a.md"),
        ("[!ab].py", "a.py"),
        ("a.b", "axb"),
    ],
)
def test_it_does_not_match(glob: str, path: str) -> None:
    assert not matcher([glob])(path)


def test_one_of_several_is_enough_and_none_matches_nothing() -> None:
    assert matcher(["a", "b"])("b")
    assert not matcher([])("b")
    assert not matcher([])("")
