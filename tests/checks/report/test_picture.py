"""The picture of the README, and the script that draws it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree  # nosec B405 - reads only what this repository drew

import pytest

IMAGES = Path(__file__).parents[3] / "docs" / "images"
SCRIPT = IMAGES / "draw_verdict.py"
SVG = "{http://www.w3.org/2000/svg}"
BOLD_RED = frozenset({1, 31})


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("draw_verdict", SCRIPT)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(rows: list[list[tuple[str, frozenset[int]]]]) -> list[str]:
    return ["".join(char for char, _ in row) for row in rows]


def require_self_contained(svg: str) -> ElementTree.Element:
    """Nothing in it makes whoever looks at it ask another host."""
    root = ElementTree.fromstring(svg)  # nosec B314
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "circle", "text")
    }
    assert not re.search(r"url\(|@import|@font-face|href", svg)
    named = root.attrib["aria-labelledby"].split()
    assert [root.find(f"{SVG}{tag}").attrib["id"] for tag in ("title", "desc")] == named  # type: ignore[union-attr]
    return root


@pytest.mark.unit
def test_the_screen_is_what_is_left_when_moving_lines_are_gone(script: ModuleType) -> None:
    output = (
        "\x1b[?25llint  running\r\n\x1b[33mtypes\x1b[0m running\r"
        "\x1b[2K\x1b[1A\x1b[2K\rlint  done\r\ntypes running\r\x1b[2K\r\n\x1b[1A\x1b[?25h"
        "\r\n\x1b[1;31mFAIL:\x1b[0m 1 finding\r\n"
    )

    rows = script.screen(output)

    assert shown(rows) == ["lint  done", "", "FAIL: 1 finding"]
    assert rows[2][0] == ("F", BOLD_RED)
    assert rows[2][6] == ("1", frozenset())


@pytest.mark.unit
def test_an_unknown_sequence_is_not_drawn_wrong(script: ModuleType) -> None:
    with pytest.raises(ValueError, match="'J'"):
        script.screen("\x1b[2J")


@pytest.mark.unit
def test_text_stays_text_in_the_drawing(script: ModuleType) -> None:
    rows = [[(char, BOLD_RED) for char in "  a  <b> & c"], []]

    root = require_self_contained(script.draw("nadia gate <x>", rows))

    (text,) = (one for one in root.iter(f"{SVG}text") if one.attrib["class"] == "b c31")
    assert text.text == "a  <b> & c".replace(" ", "\u00a0")
    assert float(text.attrib["x"]) == pytest.approx(script.MARGIN + 2 * script.CELL, abs=0.1)
    assert root.findtext(f"{SVG}desc") == "  a  <b> & c\n"


@pytest.mark.unit
def test_the_picture_in_the_readme_is_self_contained_and_told_in_words() -> None:
    root = require_self_contained((IMAGES / "verdict.svg").read_text())

    assert root.findtext(f"{SVG}title") == "Output of nadia gate examples/companion"
    assert re.search(r"\n(PASS|FAIL): .*exit [01]\)", root.findtext(f"{SVG}desc") or "")


@pytest.mark.integration
def test_the_picture_is_drawn_from_a_real_run(
    make_project: Callable[..., Path], clean_env: dict[str, str], tmp_path: Path
) -> None:
    project = make_project(
        {"pyproject.toml": '[tool.nadia]\nchecks = ["lint"]\n', "main.py": "import os\n"}
    )
    picture = tmp_path / "verdict.svg"

    subprocess.run(
        [sys.executable, SCRIPT, project.name, picture], cwd=tmp_path, env=clean_env, check=True
    )

    root = require_self_contained(picture.read_text())
    said = (root.findtext(f"{SVG}desc") or "").splitlines()
    assert re.fullmatch(r"lint +done +\d+\.\d s  1 finding", said[0])
    assert said[1:4] == [
        "",
        "lint: 1 finding",
        "  main.py:1:8 ruff:F401 `os` imported but unused",
    ]
    assert said[-2:] == ["fix first:", "  (cd project && ruff check --fix --select F401 main.py)"]
    coloured = {one.attrib.get("class"): one.text for one in root.iter(f"{SVG}text")}
    assert coloured["b c31"] == "FAIL:"
