"""The metrics that the project's own code exports, read from its text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nadia_checks.monitoring.constants import Constants, Unknown

if TYPE_CHECKING:
    from nadia_checks.monitoring.code import Code

# What each class of prometheus_client adds to its name
# (https://prometheus.github.io/client_python/instrumenting/).
SUFFIXES = {
    "Counter": ("_total", "_created"),
    "Gauge": ("",),
    "Histogram": ("_bucket", "_sum", "_count", "_created"),
    "Summary": ("_sum", "_count", "_created"),
    "Info": ("_info",),
    "Enum": ("",),
    "CounterMetricFamily": ("_total", "_created"),
    "GaugeMetricFamily": ("",),
    "GaugeHistogramMetricFamily": ("_bucket", "_gcount", "_gsum"),
    "HistogramMetricFamily": ("_bucket", "_sum", "_count", "_created"),
    "SummaryMetricFamily": ("", "_sum", "_count", "_created"),
    "InfoMetricFamily": ("_info",),
    "StateSetMetricFamily": ("",),
    "UnknownMetricFamily": ("",),
    "UntypedMetricFamily": ("",),
}
# OpenTelemetry adds the unit and a suffix of its own.
INSTRUMENT = re.compile(r"create_(?:observable_)?(?:up_down_)?(?:counter|gauge|histogram)$")
SAMPLE_SUFFIXES = ("", "_total", "_bucket", "_sum", "_count", "_created", "_info")
ANYTHING = "*"
# The position of an argument that is only given by name.
NOWHERE = 99
ANY_WORD = r"([a-zA-Z0-9_:]+)"
# Where classes come from that only have the same names.
STRANGERS = ("collections", "enum", "typing")
_TYPE = re.compile(r"#\s*(?:TYPE|HELP)\s+([a-zA-Z_:*][\w:*]*)")
_SAMPLE = re.compile(r"([a-zA-Z_:*]+_[\w:*]*)(?:\{| +(?:$|[-+\d%{*]))")


@dataclass(slots=True)
class Exports:
    """`names` are whole sample names; `patterns` those with a part that only the program knows.

    `shapes` say of a base name which samples it has, for the help of a finding.
    """

    names: set[str] = field(default_factory=set)
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    shapes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    strings: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """Whether the code exports a sample; an unknown part must stand in the code as a text."""
        if name in self.names:
            return True
        matches = (pattern.fullmatch(name) for pattern in self.patterns)
        return any(match and set(match.groups()) <= self.strings for match in matches)


def read(code: Code) -> Exports:
    exports = Exports(strings=code.strings)
    constants = Constants(code)
    for path, nodes in code.nodes.items():
        originals = _originals(nodes)
        for node in nodes:
            if isinstance(node, ast.Call):
                _add_call(exports, _Call(constants, path, node), originals)
            elif isinstance(node, ast.JoinedStr | ast.Constant):
                _add_text(exports, _folded(constants, path, node))
    return exports


def _originals(nodes: list[ast.AST]) -> dict[str, str]:
    """What imported names are called where they come from; "" for those that are no metrics."""
    return {
        alias.asname or alias.name: "" if node.module in STRANGERS else alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _add_call(exports: Exports, call: _Call, originals: dict[str, str]) -> None:
    made = originals.get(call.name, call.name)
    if made in SUFFIXES and call.qualifier not in STRANGERS:
        _add(exports, _full_name(call, made.endswith("Family")), made)
    elif INSTRUMENT.match(made):
        base = re.sub(r"[^\w*:]", "_", call.text(0, "name"))
        exports.patterns.append(re.compile(f"{_groups(base)}(?:_\\w+)?"))


def _add(exports: Exports, base: str, made: str) -> None:
    base = base.removesuffix("_total") if made.startswith("Counter") else base
    names = [base + suffix for suffix in SUFFIXES[made]]
    if base:
        _add_names(exports, names)
        exports.shapes[base] = tuple(names)


def _groups(name: str) -> str:
    return ANY_WORD.join(re.escape(part) for part in name.split(ANYTHING))


def _full_name(call: _Call, is_family: bool) -> str:
    """With namespace and subsystem before it and the unit behind it."""
    third, fourth, fifth = (NOWHERE,) * 3 if is_family else (3, 4, 5)
    prefix = [call.text(third, "namespace"), call.text(fourth, "subsystem")]
    base = "_".join(part for part in [*prefix, call.text(0, "name")] if part)
    unit = call.text(fifth, "unit")
    return base if not unit or base.endswith(f"_{unit}") else f"{base}_{unit}"


def _add_text(exports: Exports, text: str) -> None:
    """Samples in the text format, as programs without a library write them."""
    for name in _TYPE.findall(text):
        _add_names(exports, [name + suffix for suffix in SAMPLE_SUFFIXES])
    _add_names(
        exports, [sample[1] for line in text.splitlines() if (sample := _SAMPLE.match(line))]
    )


def _add_names(exports: Exports, names: list[str]) -> None:
    exports.names.update(name for name in names if ANYTHING not in name)
    exports.patterns += [re.compile(_groups(name)) for name in names if ANYTHING in name]


def _folded(constants: Constants, path: str, node: ast.expr) -> str:
    """The text of an expression; what only the program knows is `*`."""
    match node:
        case ast.JoinedStr(values=values):
            return "".join(_folded(constants, path, value) for value in values)
        case ast.FormattedValue(value=value):
            return _folded(constants, path, value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _folded(constants, path, left) + _folded(constants, path, right)
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant():
            return ""
    try:
        return str(constants.value(path, node))
    except Unknown:
        return ANYTHING


@dataclass(frozen=True, slots=True)
class _Call:
    """A call in the module `path`."""

    constants: Constants
    path: str
    node: ast.Call

    @property
    def name(self) -> str:
        function = self.node.func
        if isinstance(function, ast.Attribute):
            return function.attr
        return function.id if isinstance(function, ast.Name) else ""

    @property
    def qualifier(self) -> str:
        function = self.node.func
        owner = function.value if isinstance(function, ast.Attribute) else None
        return owner.id if isinstance(owner, ast.Name) else ""

    def text(self, position: int, keyword: str) -> str:
        """An argument; what only the program knows is `*`, and "" an argument that is not there."""
        named = [one.value for one in self.node.keywords if one.arg == keyword]
        placed = self.node.args[position : position + 1]
        try:
            return "".join(_folded(self.constants, self.path, one) for one in (placed or named)[:1])
        except RecursionError:
            return ANYTHING
