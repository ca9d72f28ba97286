"""YAML and JSON documents whose every value knows the line on which it stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nadia_checks.core.errors import CheckError
from nadia_checks.core.process import INSTALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Levels; a dashboard has about ten.
DEEP = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_ATOM = re.compile(r"[^,\]}\s]+")


class BrokenDocument(Exception):
    """The text is not YAML, or not JSON; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


@dataclass(slots=True)
class Place:
    """A value and the lines that it takes: a text, a list of places or a table of places."""

    line: int
    end_line: int
    value: str | list[Place] | dict[str, Place]

    def get(self, *path: str) -> Place | None:
        """The value below a path of keys, None where there is none."""
        place: Place | None = self
        for key in path:
            table = place.value if place else None
            place = table.get(key) if isinstance(table, dict) else None
        return place

    def text(self, *path: str) -> str:
        """The text below a path of keys, "" where there is none."""
        place = self.get(*path)
        return place.value if place and isinstance(place.value, str) else ""

    def items(self, *path: str) -> list[Place]:
        """The elements of the list below a path of keys, [] where there is none."""
        place = self.get(*path)
        return place.value if place and isinstance(place.value, list) else []

    def table(self, *path: str) -> dict[str, Place]:
        """The table below a path of keys, {} where there is none."""
        place = self.get(*path)
        return place.value if place and isinstance(place.value, dict) else {}


def read_yaml(text: str) -> list[Place]:
    """Every document of a YAML file. No object is made of any tag.

    Raises:
        BrokenDocument: the text is not YAML.
        CheckError: PyYAML is not installed.
    """
    if find_spec("yaml") is None:
        raise CheckError(f"PyYAML is not installed: {INSTALL}")
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_deep_nesting(yaml.parse(text, Loader=loader))
        nodes = [node for node in yaml.compose_all(text, Loader=loader) if node is not None]
        return [_from_node(node, {}) for node in nodes]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BrokenDocument(mark.line + 1 if mark else 1, error.problem or "not YAML") from None
    except yaml.YAMLError as error:
        raise BrokenDocument(1, str(error).splitlines()[0]) from None


def _refuse_deep_nesting(events: Iterable[Any]) -> None:
    """Composing is recursive, and in the C library it would end the process."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > DEEP:
            raise BrokenDocument(event.start_mark.line + 1, "it is nested too deeply")


def _from_node(node: Any, known: dict[int, Place]) -> Place:
    """An alias gives the very place of its anchor, so that a document cannot explode."""
    if id(node) in known:
        return known[id(node)]
    place = Place(node.start_mark.line + 1, max(node.end_mark.line, node.start_mark.line) + 1, "")
    known[id(node)] = place
    if isinstance(node.value, str):
        place.value = node.value
    elif node.id == "sequence":
        place.value = [_from_node(child, known) for child in node.value]
    else:
        place.value = dict(_entries(node, known))
    return place


def _entries(node: Any, known: dict[int, Place]) -> Iterator[tuple[str, Place]]:
    own = [(str(key.value), _from_node(value, known)) for key, value in node.value]
    for key, place in own:
        if key == "<<":
            for merged in place.value if isinstance(place.value, list) else [place]:
                yield from merged.table().items()
    yield from ((key, place) for key, place in own if key != "<<")


def read_json(text: str) -> Place:
    """A JSON file; other atoms than texts are given as they are written.

    Raises:
        BrokenDocument: the text is not JSON.
    """
    try:
        json.loads(text)
        return _Json(text).read()
    except json.JSONDecodeError as error:
        raise BrokenDocument(error.lineno, error.msg) from None
    except RecursionError:
        raise BrokenDocument(1, "it is nested too deeply") from None


class _Json:
    """Reads a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0

    def read(self) -> Place:
        self._skip()
        line = self._line
        return Place(line, line, self._value())

    def _value(self) -> str | list[Place] | dict[str, Place]:
        match self._text[self._at]:
            case "{":
                return dict(self._pairs())
            case "[":
                return list(self._elements())
            case '"':
                return self._string()
        atom = _ATOM.match(self._text, self._at)
        self._at = atom.end() if atom else self._at + 1
        return atom[0] if atom else ""

    def _pairs(self) -> Iterator[tuple[str, Place]]:
        while not self._ends("}"):
            key = self._string()
            self._skip()
            self._at += 1
            yield key, self.read()

    def _elements(self) -> Iterator[Place]:
        while not self._ends("]"):
            yield self.read()

    def _ends(self, bracket: str) -> bool:
        """Steps over a bracket or a comma; whether the table or list is at its end."""
        self._skip()
        if self._text[self._at] in "{[,":
            self._at += 1
            self._skip()
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _string(self) -> str:
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        # Half a surrogate pair can be written in JSON, and nowhere else.
        return str(value).encode("utf-8", "replace").decode()

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
