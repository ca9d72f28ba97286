"""Fail closed: the ways in which a test run says nothing about the tests, each with its reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import printable
from nadia_checks.pytest.configuration_files import as_list

if TYPE_CHECKING:
    from nadia_checks.core.process import Completed
    from nadia_checks.pytest.report import Report

PYTEST_USAGE_ERROR = 4
PYTEST_NOTHING_COLLECTED = 5
SHOWN = 3
LONGEST_LINE = 300
PLUGINS = " (install the plugins of pytest that addopts need)"
CONFTEST = re.compile(r"while loading conftest '(.*)'")
# What is removed is not part of the cause.
CAUSES = [re.compile(text) for text in (r"E +", r".*\berror: ", r"ERROR: ", r"INTERNALERROR> ")]


def too_long(stop: float, limit: float, report: Report | None, running: list[str]) -> CheckError:
    """What to say of a run that was stopped after `stop` seconds."""
    names = _unfinished(report, running)
    return CheckError(f"took longer than {stop:g} s (time_limit {limit:g} s){_while(names)}")


def require_complete(completed: Completed, report: Report | None, running: list[str]) -> Report:
    """The report of a run that came to its end; `running` are the tests that pytest ended in.

    Raises:
        CheckError: pytest was stopped, crashed, or could not start.
    """
    code = completed.returncode
    if code == PYTEST_USAGE_ERROR or (report is None and code):
        raise CheckError(f"pytest could not start: {_cause(completed)}")
    if report is None:
        raise CheckError("pytest wrote no report: something in the project turns off '-p nadia'")
    if report.complete and report.exit_status == code and code in _explained(report):
        return report
    names = _unfinished(report, running)
    raise CheckError(f"the test run is not complete: {_reason(report, code)}{_while(names)}")


def require_tests(report: Report, settings: dict[str, Any], *, preview: bool = False) -> None:
    """Something was there to run, and ran; in a preview, something was collected.

    Raises:
        CheckError: nothing did.
    """
    if report.count("passed", "failed", "error", "xfailed", "xpassed"):
        return
    if preview and (report.collect_errors or report.count("collected")):
        return
    if report.collect_errors:
        first = report.collect_errors[0]
        raise CheckError(f"no test ran: {first.path} cannot be imported: {first.message}")
    if report.count("collected"):
        raise CheckError("nothing ran: the tests were only collected (--collect-only)")
    if report.tests:
        raise CheckError(f"nothing ran: all {len(report.tests)} tests were skipped")
    if report.deselected:
        raise CheckError(f"nothing ran: all {report.deselected} tests were deselected")
    files = ", ".join(as_list(settings.get("python_files"))) or "test_*.py, *_test.py"
    places = ", ".join(as_list(settings.get("testpaths"))) or report.rootdir
    raise CheckError(f"no tests were collected: pytest looked for {files} in {places}")


def _explained(report: Report) -> set[int]:
    """The exit codes that the report's records account for."""
    bad = report.collect_errors or any(test.is_bad for test in report.tests)
    return {0, PYTEST_NOTHING_COLLECTED, *([1, 2] if bad else [])}


def _reason(report: Report, code: int) -> str:
    if report.complete and report.exit_status == code:
        return f"pytest ended with {code}, which none of its tests explains"
    if report.complete:
        return f"pytest ended with {code} after its report was written"
    stopped = "; remove -x and --maxfail" if "stopping after" in report.reason else ""
    return report.reason + stopped


def _cause(completed: Completed) -> str:
    """The line of pytest's output that says why it could not start."""
    lines = completed.stderr.decode(errors="replace").splitlines()
    lines = [printable(line.strip()) for line in lines if line.strip()]
    conftest = next(filter(None, (CONFTEST.search(line) for line in lines)), None)
    where = f"{conftest[1]}: " if conftest else ""
    for pattern in CAUSES:
        if found := [line for line in lines if pattern.match(line)]:
            cause = pattern.sub("", found[-1], count=1)[:LONGEST_LINE]
            return where + cause + (PLUGINS if "unrecognized arguments" in cause else "")
    return where + printable(completed.last_line)


def _unfinished(report: Report | None, running: list[str]) -> list[str]:
    return list(dict.fromkeys([*(report.started_not_finished if report else []), *running]))


def _while(names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; running: {', '.join(map(printable, names[:SHOWN]))}{more}"
