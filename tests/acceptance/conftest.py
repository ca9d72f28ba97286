"""Takes the documents apart, so that what they show can be run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|^(##+ [^\n]*)$", re.M | re.S)
_FILE_NAME = re.compile(r"# (\S+\.py)\n")
_ANY_LINES = r"(?:.*\n)*?"


@dataclass(frozen=True)
class Example:
    """A python block: its file, the settings above it, and the text that is shown below it.

    `is_for_commands`: the console block below it names the file.
    """

    file: str
    code: str
    settings: str
    shown: str
    is_for_commands: bool


@dataclass(frozen=True)
class Page:
    """A document's blocks, as (language, text); a heading is a block of the language "#"."""

    text: str
    blocks: tuple[tuple[str, str], ...]

    def examples(self) -> Iterator[Example]:
        settings = ""
        for number, (language, text) in enumerate(self.blocks):
            if language == "#":
                settings = ""
            elif language == "toml" and "[tool.nadia.redis]" in text:
                settings = text
            elif language == "python":
                yield self._example(number, text, settings)

    def _example(self, number: int, code: str, settings: str) -> Example:
        named = _FILE_NAME.match(code)
        file = named[1] if named else f"test_{number:02}.py"
        language, below = (*self.blocks, ("", ""))[number + 1]
        return Example(
            file,
            code,
            settings,
            shown=below if language == "text" else "",
            is_for_commands=language == "console" and file in below,
        )

    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command, with the output that is shown below it."""
        for language, text in self.blocks:
            if language == "console":
                for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
                    command, _, shown = part.partition("\n")
                    yield command, shown


@pytest.fixture
def page_of() -> Callable[[Path], Page]:
    def read(path: Path) -> Page:
        text = path.read_text()
        blocks = [
            ("#", match[3]) if match[3] else (match[1], match[2]) for match in _BLOCK.finditer(text)
        ]
        return Page(text, tuple(blocks))

    return read


def _pattern(shown: str) -> str:
    """`...` stands for anything in a line, and alone in a line for any number of lines."""
    lines = [line.strip() for line in shown.strip().splitlines()]
    parts = [_ANY_LINES if line == "..." else f"{_line_pattern(line)}\n" for line in lines]
    return rf"^(?:[\w.]+\.)?{''.join(parts)}"


def _line_pattern(line: str) -> str:
    return re.escape(line).replace(re.escape("..."), ".*?")


@pytest.fixture
def appears() -> Callable[[str, str], bool]:
    """Whether what a document shows stands in a program's output; indentation is left aside."""

    def find(shown: str, output: str) -> bool:
        lines = (re.sub(r"^E   ", "", line).strip() for line in output.splitlines())
        return re.search(_pattern(shown), "\n".join(lines) + "\n", re.M) is not None

    return find


@pytest.fixture
def run_examples(
    tmp_path: Path, appears: Callable[[str, str], bool], clean_env: dict[str, str]
) -> Callable[[Sequence[Example]], None]:
    """Runs examples, those of one configuration together.

    Those with a text below them must fail, with that text among what pytest says.
    """

    def run(examples: Sequence[Example]) -> None:
        for number, settings in enumerate(dict.fromkeys(one.settings for one in examples)):
            together = [one for one in examples if one.settings == settings]
            folder = tmp_path / str(number)
            _write(folder, settings, together)
            output = _run_pytest(folder, clean_env)
            failed = _files_that_failed(folder / "report.json")
            assert failed == {one.file for one in together if one.shown}, output
            assert [one.shown for one in together if not appears(one.shown, output)] == [], output

    return run


def _write(folder: Path, settings: str, examples: Sequence[Example]) -> None:
    for example in examples:
        path = folder / example.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.code)
    folder.joinpath("pyproject.toml").write_text(settings)


def _run_pytest(folder: Path, clean_env: dict[str, str]) -> str:
    """No other plugin may be needed, but for what runs asynchronous tests."""
    env = {**clean_env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100"}
    plugins = ("-p", "nadia", "-p", "pytest_asyncio.plugin")
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *scope, "--nadia-report=report.json"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    ).stdout


def _files_that_failed(report: Path) -> set[str]:
    found = json.loads(report.read_text())
    assert found["complete"]
    assert found["tests"]
    failed = [test["node_id"] for test in found["tests"] if test["outcome"] != "passed"]
    return {node_id.partition("::")[0] for node_id in failed}
