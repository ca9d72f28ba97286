"""Draws docs/images/verdict.svg: what a terminal shows after `nadia gate FOLDER`.

    python docs/images/draw_verdict.py examples/companion docs/images/verdict.svg

The command really runs, in a pseudo-terminal of 80 columns. The picture holds everything that it
needs: no font, script or address is fetched when it is looked at.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress
from html import escape
from pathlib import Path

COLUMNS, ROWS = 80, 60
CELL, LEADING, MARGIN, BAR = 8.4, 19, 18, 34
PAPER, INK = "#10151c", "#d7dde5"
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
SEQUENCE = re.compile(r"\x1b\[([0-?]*)([@-~])|([\r\n])|([^\x1b\r\n]+)")
FILLS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 36: "#76c7f2"}
DIM, BOLD = 2, 1

Cell = tuple[str, frozenset[int]]


def main() -> int:
    folder, target = sys.argv[1:]
    output, status = run_in_terminal(["gate", folder])
    if status not in (0, 1):
        sys.stderr.write(output)
        return status
    Path(target).write_text(draw(f"nadia gate {folder}", screen(output)))
    return 0


def run_in_terminal(arguments: list[str]) -> tuple[str, int]:
    """What `nadia` writes to a terminal, and its exit code."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (ROWS, COLUMNS))
    unset = ("CI", "NO_COLOR", "COLUMNS", "LINES", "NADIA_GATE")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    # Colours by their names, so that the picture chooses what they look like.
    env |= {"TERM": "xterm", "COLORTERM": ""}
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "nadia_checks", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=env,
    )
    os.close(slave)
    output = read_all(master)
    os.close(master)
    return output.decode(), child.wait()


def read_all(descriptor: int) -> bytes:
    blocks = []
    with suppress(OSError):  # Linux gives EIO where other systems give the end of the file
        while block := os.read(descriptor, 65536):
            blocks.append(block)
    return b"".join(blocks)


def screen(output: str) -> list[list[Cell]]:
    """The rows that a terminal shows in the end; it knows the sequences that the gate writes."""
    rows: list[list[Cell]] = [[]]
    row = column = 0
    style: frozenset[int] = frozenset()
    for parameters, command, control, text in SEQUENCE.findall(output):
        if text:
            rows[row][column : column + len(text)] = [(char, style) for char in text]
            column += len(text)
        elif control == "\r":
            column = 0
        elif control == "\n":
            row += 1
            if row == len(rows):
                rows.append([])
        elif command == "m":
            style = restyled(style, parameters)
        elif command == "A":
            row = max(0, row - int(parameters or 1))
        elif command == "K":
            del rows[row][0 if parameters == "2" else column :]
        elif command not in "hl":
            raise ValueError(f"the picture does not know the terminal sequence {command!r}")
    while rows and not rows[-1]:
        rows.pop()
    return rows


def restyled(style: frozenset[int], parameters: str) -> frozenset[int]:
    numbers = {int(number or 0) for number in parameters.split(";")}
    return frozenset() if 0 in numbers else style | numbers


def draw(title: str, rows: list[list[Cell]]) -> str:
    """The SVG document."""
    width = round(COLUMNS * CELL + 2 * MARGIN)
    height = round(BAR + (len(rows) + 1) * LEADING + MARGIN)
    said = "\n".join("".join(char for char, _ in row) for row in rows)
    body = "\n".join(
        draw_row(row, BAR + (number + 1) * LEADING) for number, row in enumerate(rows) if row
    )
    lights = "".join(
        f'<circle cx="{MARGIN + 4 + 20 * n}" cy="{BAR / 2:g}" r="6" fill="{fill}"/>'
        for n, fill in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
 height="{height}" role="img" aria-labelledby="title said">
<title id="title">Output of {escape(title)}</title>
<desc id="said">{escape(said)}</desc>
<style>
text {{ font: 14px {FONTS}; fill: {INK} }}
.b {{ font-weight: bold }} .d {{ fill: #8b97a5 }}
{" ".join(f".c{code} {{ fill: {fill} }}" for code, fill in FILLS.items())}
</style>
<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9" fill="{PAPER}" \
stroke="#6e7781"/>
{lights}
<text class="d" x="{width / 2:g}" y="{BAR / 2 + 5:g}" text-anchor="middle">{escape(title)}</text>
{body}
</svg>
"""


def draw_row(row: list[Cell], y: int) -> str:
    parts = []
    for start, text, style in runs(row):
        if text.strip():
            names = ["b"] * (BOLD in style) + ["d"] * (DIM in style)
            names += [f"c{code}" for code in FILLS if code in style]
            named = f' class="{" ".join(names)}"' if names else ""
            blank = len(text) - len(text.lstrip())
            x, shown = MARGIN + (start + blank) * CELL, text.strip()
            long = len(shown) * CELL
            parts.append(
                f'<text{named} x="{x:.1f}" y="{y}" textLength="{long:.1f}">'
                f"{escape(shown).replace(' ', '&#160;')}</text>"
            )
    return "\n".join(parts)


def runs(row: list[Cell]) -> list[tuple[int, str, frozenset[int]]]:
    """The row in stretches of one style, each with the column where it starts."""
    found: list[tuple[int, str, frozenset[int]]] = []
    for column, (char, style) in enumerate(row):
        if found and found[-1][2] == style:
            start, text, _ = found.pop()
            found.append((start, text + char, style))
        else:
            found.append((column, char, style))
    return found


if __name__ == "__main__":
    sys.exit(main())
