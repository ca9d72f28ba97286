"""`nadia init`: looks at the repository and writes the configuration that fits it."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError
from nadia_checks.core.exit_codes import Exit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from nadia_checks.adoption.adopt import Adoption, Look
    from nadia_checks.adoption.change import Change
    from nadia_checks.adoption.collection import Collection
    from nadia_checks.core.project import Project
    from nadia_checks.core.verdict import Verdict

EPILOG = """\
It runs the gate once, shows every change as a diff and asks before it writes. What it writes:
[tool.nadia] in pyproject.toml, one hook in .pre-commit-config.yaml, the findings of today in
.nadia/baseline and .nadia/secrets.baseline, two lines in .gitattributes.

examples:
  nadia init --dry-run   only show the changes
  nadia init --yes       write without asking
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("path", nargs="?", default=".", help="a folder of the project (default: .)")
    parser.add_argument("--dry-run", action="store_true", help="show the changes, write nothing")
    parser.add_argument("--yes", action="store_true", help="write without asking")


def run(options: argparse.Namespace) -> int:
    from nadia_checks.adoption.adopt import look
    from nadia_checks.commands.gate import refuse_nested_gate
    from nadia_checks.core.project import load_project
    from nadia_checks.registry import CHECK_NAMES

    refuse_nested_gate()
    someone_is_there = sys.stdin.isatty() and sys.stdout.isatty()
    if not (options.yes or options.dry_run or someone_is_there):
        raise UsageError("nobody is there to agree: pass --dry-run to look, or --yes to write")
    project = load_project(Path(options.path), CHECK_NAMES)
    seen = look(project)
    _tell_ignored(seen)
    if project.configured:
        return _complete(project, seen, options)
    return _adopt(project, seen, options)


def _complete(project: Project, seen: Look, options: argparse.Namespace) -> int:
    """Adds what a configured project lacks; its configuration and baseline are its own."""
    _tell_notes(seen)
    _say("pyproject.toml has [tool.nadia] already: it and the baseline are left as they are")
    if not seen.changes:
        _say("nothing to change")
        return Exit.PASS
    if _written(project, seen.changes, options):
        _tell_next(project, seen.changes)
    return Exit.PASS


def _adopt(project: Project, seen: Look, options: argparse.Namespace) -> int:
    from nadia_checks.adoption.adopt import adopt, collect_tests, first_settings, planned_paths
    from nadia_checks.adoption.change import require_writable

    if not options.dry_run:
        require_writable(planned_paths(project, seen))
    collection = collect_tests(project)
    _say(*reading(project, collection), "", "running the gate once, to see what is there today")
    adoption = adopt(project, first_settings(project, collection), sys.stdout)
    if not adoption.settings.checks:
        return _nothing_ran(adoption)
    _say("")
    _tell_notes(seen)
    changes = [*seen.changes, *adoption.changes]
    if _written(project, changes, options):
        _tell_result(project, adoption)
        _tell_next(project, changes)
    return Exit.PASS


def _written(project: Project, changes: Sequence[Change], options: argparse.Namespace) -> bool:
    """Shows the changes, asks where there is someone to ask, and writes them."""
    from nadia_checks.adoption.change import unified_diff, write_all

    for change in changes:
        _say(*unified_diff(change, project.root), "")
    if options.dry_run:
        _say("dry run: nothing was written")
        return False
    if not options.yes and not _agreed():
        _say("nothing was written")
        return False
    write_all(changes)
    return True


def _agreed() -> bool:
    try:
        return input("write this? [Y/n] ").strip().lower() in ("", "y", "yes")
    except EOFError:
        return False


def reading(project: Project, collection: Collection | None) -> Iterator[str]:
    """Which file pytest reads, and what it collects."""
    from nadia_checks.report.wording import count

    if collection is None:
        return
    if collection.failed:
        yield f"pytest cannot collect this project: {collection.failed}"
        return
    file = project.relative(collection.inipath) if collection.inipath else "no file"
    yield f"pytest reads its settings from {file}"
    yield f"pytest collects {count(collection.collected, 'test')}"
    if collection.not_collected:
        yield f"pytest cannot collect {count(collection.not_collected, 'module')}"


def _tell_ignored(seen: Look) -> None:
    for draft in seen.ignored:
        _say(f"{draft.path}:{draft.line}: {draft.message}", *_indented(draft.help.split("\n")), "")


def _tell_notes(seen: Look) -> None:
    if seen.hook_notes:
        _say("hooks that are there already (none is changed):", *_indented(seen.hook_notes), "")


def _tell_result(project: Project, adoption: Adoption) -> None:
    from nadia_checks.adoption.trial import as_adopted
    from nadia_checks.commands.gate import show
    from nadia_checks.report.wording import count

    show(as_adopted(adoption.verdict), project, as_json=False, preview=False)
    known = count(len(adoption.entries), "finding")
    _say("", f"known from now on: {known}; only what is new fails")
    _say(*failing_tests(adoption.verdict))
    _say(*left_out(adoption))


def failing_tests(verdict: Verdict) -> Iterator[str]:
    """How many tests fail today, and why most of them do: it may be the environment."""
    from nadia_checks.report.wording import count, shortened

    results = (result for result in verdict.checks if result.name == "pytest")
    failed = [one for result in results for one in result.findings if one.rule == "pytest:failed"]
    causes = Counter(one.message.partition(": ")[2] or one.message for one in failed)
    for cause, times in causes.most_common(1):
        yield f"  {count(len(failed), 'failing test')} among them; {times} of them because of:"
        yield f"  {shortened(cause, 200)}"


def left_out(adoption: Adoption) -> Iterator[str]:
    """What could not run, and is therefore not watched."""
    for name, reason in adoption.settings.left_out.items():
        yield f"not watched yet: {name} could not run: {reason}"
    if adoption.settings.left_out:
        names = ", ".join(f'"{name}"' for name in adoption.settings.left_out)
        yield f"  repair that, add {names} to checks in [tool.nadia], then: nadia baseline write"


def _nothing_ran(adoption: Adoption) -> int:
    _say("no check could run, so nothing was written:")
    _say(*_indented(f"{name}: {why}" for name, why in adoption.settings.left_out.items()))
    return Exit.INCOMPLETE


def _tell_next(project: Project, changes: Sequence[Change]) -> None:
    from nadia_checks.adoption.ignored import ignored_note
    from nadia_checks.core.advice import pasteable

    names = [os.path.relpath(change.path, project.root) for change in changes]
    note = ignored_note(project.root, names)
    add = ["git", "add", *(["--force"] if note else []), *names]
    commands = (f"{shlex.join(add)} && git commit", "nadia gate")
    first, second = (pasteable(command, project.root, Path.cwd()) for command in commands)
    _say("", *([note] if note else []), f"next: {first}", f"      {second}")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _say(*lines: str) -> None:
    from nadia_checks.report.wording import encodable, visible

    for line in lines:
        print(encodable(visible(line.expandtabs()), sys.stdout.encoding), flush=True)
