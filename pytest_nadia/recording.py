"""The hooks behind `--nadia-report`: they fill a `Run` and write its document at the end."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.records import Phase, Run, one_line, write_document

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_EXTRA = pytest.StashKey[dict[str, Any]]()
_NOT_ENDED = "pytest did not end its session: it crashed, was killed, or still runs"


def record_extra(item: pytest.Item, name: str, value: object) -> None:
    """Add `value` to the test's record, under `extra`. Raises TypeError unless it is plain JSON."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except ValueError as error:
        raise TypeError(f"{name}: {error}") from error
    item.stash.setdefault(_EXTRA, {})[name] = plain


def start_recording(config: pytest.Config, option: str) -> None:
    """Register the hooks that this process needs. Raises UsageError if FILE cannot be written."""
    config.pluginmanager.register(_Facts(), "nadia-report-facts")
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker(config), "nadia-report-worker")
        return
    # Resolved, because a rename replaces a symbolic link and not what it points to.
    recorder = _Recorder(config, Path(config.invocation_params.dir, option).resolve())
    recorder.announce()
    config.pluginmanager.register(recorder, "nadia-report")


class _Facts:
    """Makes each report carry what only the process that runs the test knows."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        report.nadia = _facts(item)  # type: ignore[attr-defined]
        return report


def _facts(item: pytest.Item) -> dict[str, Any]:
    extra: dict[str, Any] = item.stash.get(_EXTRA, {})
    path = os.path.relpath(item.path, item.config.rootpath)
    file, line, _ = item.location
    return {
        "path": Path(path).as_posix(),
        # A test inherited from another file has its line there.
        "line": line + 1 if line is not None and file == path else 0,
        "markers": list(dict.fromkeys(mark.name for mark in item.iter_markers())),
        "extra": dict(extra),
    }


class _Worker:
    """In a worker of pytest-xdist: what the controller cannot see."""

    def __init__(self, config: pytest.Config) -> None:
        self._output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]
        self._deselected = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += len(items)

    def pytest_sessionfinish(self) -> None:
        self._output["nadia"] = {"deselected": self._deselected}


class _Recorder:
    """Where the reports arrive: the only process, or the controller of pytest-xdist."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._run = Run()

    def announce(self) -> None:
        """Leave a document that says "not complete", in case this process gets no further."""
        started = Run()
        started.stop("start", _NOT_ENDED)
        try:
            self._write(started, pytest.ExitCode.INTERNAL_ERROR)
        except OSError as error:
            raise pytest.UsageError(_complaint(self._path, error)) from error

    # Collection

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._run.deselected += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._run.select(item.nodeid for item in session.items)
        if self._config.option.collectonly:
            for item in session.items:
                self._run.list_only(_collected(item))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._run.select(ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            path = report.nodeid.partition("::")[0]
            self._run.fail_collection(path, _cause(report))

    # Tests

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._run.start(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._run.finish(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A subtest has its own report; only its failure says something of the test.
        if not hasattr(report, "context"):
            self._run.add(_phase(report, report.duration))
        elif report.failed:
            self._run.add(_phase(report, 0.0))

    # What ends a run early

    def pytest_internalerror(self, excrepr: object) -> None:
        crash = getattr(excrepr, "reprcrash", None)
        text = crash.message if crash else str(excrepr)
        self._run.stop("internal error", f"internal error: {one_line(text)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        cause = str(excinfo.value) or excinfo.typename
        self._run.stop("interruption", f"interrupted: {one_line(cause)}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        totals = getattr(node, "workeroutput", {}).get("nadia", {})
        self._run.deselected = max(self._run.deselected, totals.get("deselected", 0))
        if error:
            worker = node.gateway.id
            self._run.stop(worker, f"worker {worker} crashed: {one_line(str(error))}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        worker = report.node.gateway.id
        self._run.stop(worker, f"worker {worker} crashed while running {crashitem}")

    # The end

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        try:
            return (yield)
        except BaseException as error:
            self._run.stop("end", f"the end of the session failed: {one_line(repr(error))}")
            raise
        finally:
            self._write_at_end(session)

    def _write_at_end(self, session: pytest.Session) -> None:
        stopped_by = str(session.shouldfail or session.shouldstop or "")
        try:
            self._write(self._run, session.exitstatus, stopped_by)
        except OSError as error:
            print(_complaint(self._path, error), file=sys.stderr)
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR

    def _write(self, run: Run, exit_status: int, stopped_by: str = "") -> None:
        document = run.document(
            exit_status=int(exit_status),
            rootdir=self._config.rootpath,
            inipath=self._config.inipath,
            stopped_by=stopped_by,
        )
        write_document(self._path, document)


def _complaint(path: Path, error: OSError) -> str:
    return f"--nadia-report: cannot write {path}: {error.strerror}"


def _collected(item: pytest.Item) -> Phase:
    return Phase(item.nodeid, "collection", "collected", 0.0, "", **_facts(item))


def _phase(report: pytest.TestReport, seconds: float) -> Phase:
    file, line, _ = report.location
    facts = getattr(report, "nadia", None) or {"path": file, "line": (line or -1) + 1}
    outcome = _outcome(report)
    message = _cause(report) if report.failed else ""
    return Phase(report.nodeid, report.when, outcome, seconds, message, **facts)


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return {"skipped": "xfailed", "passed": "xpassed"}.get(report.outcome, report.outcome)
    if report.failed and report.when in {"setup", "teardown"}:
        return "error"
    return report.outcome


def _cause(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    # Not longreprtext: under pytest-xdist it begins with a line about the worker.
    return one_line(crash.message if crash else str(report.longrepr))
