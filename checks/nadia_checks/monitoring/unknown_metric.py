"""NAD803: a metric that nothing exports."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.monitoring import known_exporters
from pytest_nadia.finding import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nadia_checks.monitoring.evidence import Evidence
    from nadia_checks.monitoring.expressions import Expression

RULE = Rule(
    number="NAD803",
    name="unknown-metric",
    severity=Severity.ERROR,
    what="An alert, a rule or a panel reads a metric that nothing exports.",
    why=(
        "An expression over a metric that does not exist gives nothing, and says nothing: the "
        "alert never fires and the panel stays empty."
    ),
    repair="export the metric, correct its name, or name it in known_metrics",
    bad="expr: companion_queue_lenght > 100  # the code exports companion_queue_length",
    good="expr: companion_queue_length > 100",
)


def find(evidence: Evidence) -> Iterator[Draft]:
    for expression in evidence.sources.expressions:
        names = dict.fromkeys(selector.name for selector in expression.selectors)
        for name in names:
            if name and not _is_known(evidence, name):
                yield _draft(evidence, expression, name)


def _is_known(evidence: Evidence, name: str) -> bool:
    exports = evidence.exports
    return (
        exports.has(re.sub(r"[^\w:]", "_", name))
        or name in evidence.sources.recorded
        # A counter that the code has, spelled as no exporter of it would, is ours to judge.
        or (name not in exports.shapes and known_exporters.is_known(name))
        or any(fnmatchcase(name, glob) for glob in evidence.options.known_metrics)
        or not evidence.code.foreign_words.isdisjoint(_spellings(name))
    )


def _spellings(name: str) -> Iterator[str]:
    """A program in another language may name the metric without what its library adds."""
    yield name
    for suffix in ("_total", "_bucket", "_sum", "_count", "_info"):
        if name.endswith(suffix):
            yield name.removesuffix(suffix)


def _draft(evidence: Evidence, expression: Expression, name: str) -> Draft:
    doubtful = not evidence.code.trees or ":" in name or "." in name
    return Draft(
        rule=RULE.number,
        severity=Severity.WARNING if doubtful else Severity.ERROR,
        path=expression.path,
        line=expression.line_of(name),
        message=f"{expression.name} reads {name}, which neither the code nor a known exporter "
        "exports",
        help=_help(evidence, name),
        content=f"{expression.name} {name}",
    )


def _help(evidence: Evidence, name: str) -> str:
    if samples := evidence.exports.shapes.get(name):
        return f"the code exports it as {' and '.join(samples)}"
    known = sorted(evidence.exports.names | evidence.sources.recorded)
    close = get_close_matches(name, known, n=1, cutoff=0.8)
    hint = f"did you mean {close[0]}? Otherwise " if close else ""
    return f"{hint}export it, or add it to known_metrics of [tool.nadia.monitoring]"
