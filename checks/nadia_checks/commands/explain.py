"""`nadia explain`: what a rule means, why it matters and how to repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError
from nadia_checks.core.exit_codes import Exit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nadia_checks.rules import Tool
    from pytest_nadia.finding import Rule

EPILOG = """\
examples:
  nadia explain              the list of our rules
  nadia explain NAD801       one of them
  nadia explain ruff:F401    where a rule of another tool is explained
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("rule", nargs="?", default="", help="a rule's number, as findings name it")


def run(options: argparse.Namespace) -> int:
    lines = explain(options.rule) if options.rule else listing()
    print("\n".join(lines))
    return Exit.PASS


def explain(word: str) -> list[str]:
    """The lines about one rule.

    Raises:
        UsageError: there is no such rule; the nearest name is suggested.
    """
    from nadia_checks.core.config import nearest
    from nadia_checks.rules import RULES, TOOLS

    wanted = word.casefold()
    for rule in RULES:
        if wanted in (rule.number.casefold(), rule.name):
            return list(_about(rule))
    for tool in TOOLS:
        if wanted.startswith(tool.prefix) and len(wanted) > len(tool.prefix):
            return list(_elsewhere(tool, word[len(tool.prefix) :]))
    known = [rule.number for rule in RULES] + [f"{tool.prefix}RULE" for tool in TOOLS]
    spelled = word.upper() if wanted.startswith("nad") else word
    raise UsageError(f"there is no rule {word!r}{nearest(spelled, known)}")


def listing() -> list[str]:
    """All of our rules, one line each."""
    from nadia_checks.rules import RULES, TOOLS

    wide = max(len(rule.number) for rule in RULES) + 2
    names = max(len(rule.name) for rule in RULES) + 2
    rows = [f"{rule.number:<{wide}}{rule.name:<{names}}{rule.what}" for rule in RULES]
    tools = ", ".join(f"{tool.prefix}RULE ({tool.check})" for tool in TOOLS)
    return [*rows, "", f"rules of other tools keep their names: {tools}"]


def _about(rule: Rule) -> Iterator[str]:
    yield f"{rule.number} {rule.name} ({rule.severity})"
    yield ""
    yield rule.what
    yield rule.why
    for title, text in (("bad", rule.bad), ("good", rule.good), ("repair", rule.repair)):
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in text.split("\n"))


def _elsewhere(tool: Tool, rule: str) -> Iterator[str]:
    yield f"{tool.prefix}{rule} is rule {rule} of {tool.name}, run by the check {tool.check!r}"
    yield f"read: {tool.read.format(rule=rule)}"
