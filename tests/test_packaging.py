"""The distribution: what it holds, what it needs, and which way its packages look."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "pytest_nadia": ROOT / "pytest_nadia",
    "nadia_checks": ROOT / "checks" / "nadia_checks",
    "nadia_hooks": ROOT / "hooks" / "nadia_hooks",
}
MAY_IMPORT = {
    "pytest_nadia": {"pytest_nadia"},
    "nadia_checks": {"pytest_nadia", "nadia_checks"},
    "nadia_hooks": {"pytest_nadia", "nadia_checks", "nadia_hooks"},
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*build, "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True, timeout=300
    )
    return next(folder.glob("pytest_nadia-*.whl"))


@pytest.mark.integration
class TestWheel:
    @pytest.mark.slow
    def test_its_top_level_names_are_the_three_packages(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = {name.split("/")[0] for name in archive.namelist()}

        assert {name for name in names if not name.endswith(".dist-info")} == set(PACKAGES)

    def test_every_package_is_typed(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()

        assert [f"{name}/py.typed" for name in PACKAGES if f"{name}/py.typed" not in names] == []

    @pytest.mark.slow
    def test_in_an_empty_environment_it_answers(self, wheel: Path, tmp_path: Path) -> None:
        wheelhouse = ROOT / ".wheelhouse"
        if not (wheelhouse / ".filled").exists():
            pytest.fail("the wheelhouse is empty: run this test by 'make test'")
        venv.create(tmp_path / "empty", with_pip=True)
        scripts = tmp_path / "empty" / "bin"
        install = f"{scripts / 'pip'} install --quiet --no-index --find-links {wheelhouse} {wheel}"
        subprocess.run(shlex.split(install), check=True, timeout=300)

        for command, expected in (
            (f"{scripts / 'nadia'} --version", f"nadia {version('pytest-nadia')}\n"),
            (f"{scripts / 'nadia'} explain NAD801", "NAD801"),
            (f"{scripts / 'pytest'} --markers", "@pytest.mark.redis"),
        ):
            done = subprocess.run(
                shlex.split(command), capture_output=True, text=True, cwd=tmp_path, timeout=60
            )
            assert (done.returncode, expected in done.stdout) == (0, True), done


@pytest.mark.unit
@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way_down(package: str) -> None:
    upward = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in PACKAGES[package].rglob("*.py")
        for name, line in imported_packages(path)
        if name in PACKAGES and name not in MAY_IMPORT[package]
    ]

    assert upward == []


@pytest.mark.unit
def test_the_core_knows_no_check() -> None:
    core = PACKAGES["nadia_checks"] / "core"
    wrong = [
        f"{path.name} imports {name}"
        for path in core.rglob("*.py")
        for name in imported_modules(path)
        if name.startswith("nadia_checks.") and not name.startswith("nadia_checks.core")
    ]

    assert wrong == []


@pytest.mark.unit
@pytest.mark.parametrize("package", ["pytest_nadia"])
def test_the_package_itself_imports_nothing(package: str) -> None:
    assert list(imported_packages(PACKAGES[package] / "__init__.py")) == []


@pytest.mark.unit
def test_every_hook_has_a_script_and_an_entry() -> None:
    hooks = {path.stem for path in PACKAGES["nadia_hooks"].glob("*.py")} - {"__init__"}
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    listed = (ROOT / ".pre-commit-hooks.yaml").read_text()

    assert {name for name in scripts if name != "nadia"} == {f"nadia-{hook}" for hook in hooks}
    assert [hook for hook in hooks if f"id: nadia-{hook}\n" not in listed] == []


@pytest.mark.unit
@pytest.mark.parametrize("name", ["dev.txt", "base.txt"])
def test_requirements_are_pinned_with_hashes_and_name_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    pinned = [line for line in text.splitlines() if not line.startswith(" ")]

    assert "://" not in text
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []
    assert text.count("--hash=sha256:") >= len(pinned) > 10


@pytest.mark.unit
def test_no_test_folder_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def imported_packages(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
