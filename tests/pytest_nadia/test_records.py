from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_nadia.recording import record_extra
from pytest_nadia.records import Phase, Run, one_line, write_document

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOMES = """
    import unittest
    import pytest

    @pytest.mark.slow
    @pytest.mark.parametrize("x", ["a b", "n\\nl", "\\xe9", "\\udcff", b"\\xff"])
    def test_odd(x):
        pass

    def test_fails():
        assert 1 == 2, "first line\\nsecond line"

    @pytest.fixture
    def bad_teardown():
        yield
        raise ValueError("teardown")

    def test_fails_twice(bad_teardown):
        assert False, "call"

    def test_teardown(bad_teardown):
        pass

    @pytest.fixture
    def bad_setup():
        raise ValueError("setup")

    def test_setup(bad_setup):
        pass

    def test_no_fixture(nope):
        pass

    @pytest.mark.skip(reason="not today")
    def test_skipped():
        pass

    @pytest.mark.xfail
    def test_xfailed():
        assert False

    @pytest.mark.xfail
    def test_xpassed():
        pass

    @pytest.mark.xfail(strict=True)
    def test_strict():
        pass

    def test_without_traceback():
        pytest.fail("no trace", pytrace=False)

    class TestUnit(unittest.TestCase):
        def test_unit(self):
            self.assertEqual(1, 1)

        def test_unit_fails(self):
            self.assertEqual(1, 2)

    def documented():
        '''
        >>> 1 + 1
        3
        '''
"""
SUBTESTS = """
    import unittest
    import pytest

    def test_one_fails(subtests):
        for i in range(3):
            with subtests.test(i=i):
                assert i != 1

    def test_none_fails(subtests):
        with subtests.test("skipped"):
            pytest.skip("x")
        with subtests.test("passed"):
            pass

    class TestUnit(unittest.TestCase):
        def test_unit(self):
            for i in range(3):
                with self.subTest(i=i):
                    self.assertNotEqual(i, 2)
"""
CRASH = """
    import os
    import time

    def test_before():
        pass

    def test_crash():
        # What the worker has said must be on its way before it dies.
        time.sleep(0.3)
        os._exit(7)

    def test_after():
        pass
"""
RERUN = """
    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for attempt in (1, 2):
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                again = attempt == 1 and report.failed
                if again:
                    report.outcome = "rerun"
                hook.pytest_runtest_logreport(report=report)
                if again:
                    break
            else:
                break
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


def test_every_outcome_is_one_record(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_it=OUTCOMES)
    run = run_reported(*workers, "--doctest-modules")
    assert run.outcomes() == {
        "test_it.py::test_it.documented": "failed",
        "test_it.py::test_odd[a b]": "passed",
        "test_it.py::test_odd[n\\nl]": "passed",
        "test_it.py::test_odd[\\xe9]": "passed",
        "test_it.py::test_odd[\\udcff]": "passed",
        "test_it.py::test_odd[\\xff]": "passed",
        "test_it.py::test_fails": "failed",
        "test_it.py::test_fails_twice": "failed",
        "test_it.py::test_teardown": "error",
        "test_it.py::test_setup": "error",
        "test_it.py::test_no_fixture": "error",
        "test_it.py::test_skipped": "skipped",
        "test_it.py::test_xfailed": "xfailed",
        "test_it.py::test_xpassed": "xpassed",
        "test_it.py::test_strict": "failed",
        "test_it.py::test_without_traceback": "failed",
        "test_it.py::TestUnit::test_unit": "passed",
        "test_it.py::TestUnit::test_unit_fails": "failed",
    }
    assert len(run.report["tests"]) == 18
    assert run.messages() == {
        "test_it.py::test_it.documented": f"{pytester.path}/test_it.py:61: DocTestFailure",
        "test_it.py::test_fails": "AssertionError: first line",
        "test_it.py::test_fails_twice": "AssertionError: call",
        "test_it.py::test_teardown": "ValueError: teardown",
        "test_it.py::test_setup": "ValueError: setup",
        "test_it.py::test_no_fixture": "fixture 'nope' not found",
        "test_it.py::test_strict": "[XPASS(strict)]",
        "test_it.py::test_without_traceback": "Failed: no trace",
        "test_it.py::TestUnit::test_unit_fails": "AssertionError: 1 != 2",
    }
    report = run.report
    assert report["schema"] == "nadia/tests/1"
    assert (report["complete"], report["reason"]) == (True, "")
    assert report["exit_status"] == run.result.ret == 1
    assert report["collected"] == 18
    assert report["started_not_finished"] == report["collect_errors"] == []
    assert report["rootdir"] == str(pytester.path)


def test_a_record_says_where_and_what_and_how_long(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makeini("[pytest]")
    pytester.mkdir("a folder")
    code = """
        import time, pytest
        pytestmark = [pytest.mark.redis, pytest.mark.slow]

        @pytest.fixture
        def bed():
            time.sleep(0.02)
            yield
            time.sleep(0.02)

        @pytest.mark.slow
        def test_sleeps(bed):
            time.sleep(0.02)
    """
    pytester.makepyfile(**{"a folder/test_it": code})
    report = run_reported().report
    assert report["inipath"] == str(pytester.path / "tox.ini")
    (test,) = report["tests"]
    assert test.pop("seconds") >= 0.06
    assert test == {
        "node_id": "a folder/test_it.py::test_sleeps",
        "path": "a folder/test_it.py",
        "line": 10,
        "markers": ["slow", "redis"],
        "outcome": "passed",
        "message": "",
        "extra": {},
    }


def test_a_test_inherited_from_another_file_has_no_line(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(base="class Base:\n    def test_it(self):\n        pass")
    pytester.makepyfile("from base import Base\nclass TestIt(Base):\n    pass")
    pytester.syspathinsert()
    (test,) = run_reported().report["tests"]
    here = "test_a_test_inherited_from_another_file_has_no_line.py"
    assert (test["path"], test["line"]) == (here, 0)


def test_subtests_are_parts_of_their_test(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_it=SUBTESTS)
    run = run_reported(*workers)
    assert run.outcomes() == {
        "test_it.py::test_one_fails": "failed",
        "test_it.py::test_none_fails": "passed",
        "test_it.py::TestUnit::test_unit": "failed",
    }
    assert run.messages() == {
        "test_it.py::test_one_fails": "assert 1 != 1",
        "test_it.py::TestUnit::test_unit": "AssertionError: 2 == 2",
    }
    assert len(run.report["tests"]) == 3
    assert run.report["complete"]


def test_a_rerun_counts_once_and_by_its_last_attempt(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makeconftest(RERUN)
    pytester.makepyfile(
        test_it="""
        tries = []

        def test_flaky():
            tries.append(1)
            assert len(tries) > 1

        def test_fails():
            assert False
        """
    )
    run = run_reported()
    assert run.outcomes() == {
        "test_it.py::test_flaky": "passed",
        "test_it.py::test_fails": "failed",
    }
    assert len(run.report["tests"]) == 2
    assert run.report["complete"]


def test_the_time_of_an_attempt_that_is_rerun_does_not_count() -> None:
    run = Run()
    for name, outcome in (("setup", "passed"), ("call", "rerun"), ("setup", "passed")):
        run.add(Phase("a", name, outcome, 1.0, "", "p", 1))
    run.add(Phase("a", "call", "passed", 1.0, "", "p", 1))
    run.finish("a")
    (test,) = run.document(exit_status=0, rootdir=Path(), inipath=None)["tests"]
    assert test["seconds"] == 2.0


@pytest.mark.parametrize("dist", [(), ("-p", "xdist", "-n2", "--dist=each")], ids=["", "each"])
def test_the_same_test_twice_keeps_its_failure(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], dist: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_it="""
        import os
        seen = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"

        def test_first_time_fails():
            global seen
            was, seen = seen, False
            assert not was
        """
    )
    run = run_reported(*dist, "--keep-duplicates", "test_it.py", "test_it.py")
    assert run.outcomes() == {"test_it.py::test_first_time_fails": "failed"}
    assert len(run.report["tests"]) == 1


def test_collection_errors_are_listed_by_path(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_good="def test_it(): pass",
        test_import="import a_module_that_is_not_there",
        test_syntax="def test_it(:",
    )
    run = run_reported(*workers, "--continue-on-collection-errors")
    assert run.outcomes() == {"test_good.py::test_it": "passed"}
    assert run.report["collect_errors"] == [
        {
            "path": "test_import.py",
            "message": "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        },
        {"path": "test_syntax.py", "message": "SyntaxError: invalid syntax"},
    ]
    assert run.report["complete"]


def test_collection_errors_that_stop_the_run_make_it_incomplete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_good="def test_it(): pass", test_bad="1 / 0")
    report = run_reported().report
    assert not report["complete"]
    assert report["reason"] == (
        "interrupted: 1 error during collection; 1 of 1 selected tests did not finish"
    )
    assert report["tests"] == []


def test_collect_only_lists_what_would_run(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.slow
        def test_one(): pass

        def test_two(): assert False
        """
    )
    run = run_reported(*workers, "--collect-only", "-q", "-k", "one")
    (test,) = run.report["tests"]
    assert (test["outcome"], test["line"], test["markers"]) == ("collected", 3, ["slow"])
    assert (run.report["collected"], run.report["deselected"]) == (2, 1)
    assert run.report["complete"]


def test_deselected_tests_are_counted(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass")
    report = run_reported(*workers, "-k", "test_a or test_b").report
    assert (report["collected"], report["deselected"], len(report["tests"])) == (3, 1, 2)
    assert report["complete"]


def test_last_failed_runs_are_complete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): assert False")
    run_reported()
    run = run_reported("--lf", "-q")
    assert run.outcomes() == {"test_it.py::test_b": "failed"}
    assert (run.report["complete"], run.report["collected"]) == (True, 1)


def test_the_terminal_plugin_is_not_needed(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_it="def test_a(): assert False")
    run = run_reported("-p", "no:terminal")
    assert run.outcomes() == {"test_it.py::test_a": "failed"}


def test_no_tests_is_a_complete_run_of_nothing(run_reported: Callable[..., Any]) -> None:
    report = run_reported().report
    assert (report["collected"], report["exit_status"], report["complete"]) == (0, 5, True)


def test_stopping_at_the_first_failure_is_incomplete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile("def test_a(): assert False\n" + "def test_%d(): pass\n" * 9 % (*range(9),))
    report = run_reported(*workers, "-x").report
    assert not report["complete"]
    assert "selected tests did not finish" in report["reason"]
    assert report["reason"].count("stopping after 1 failures") == 1


def test_stopping_at_a_failure_that_is_the_last_test_is_complete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile("def test_a(): pass\ndef test_b(): assert False")
    report = run_reported("-x").report
    assert (report["complete"], report["exit_status"]) == (True, 1)


def test_a_test_that_is_only_set_up_has_no_result(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile("def test_a(): pass")
    report = run_reported("--setup-only").report
    assert report["tests"] == []
    assert report["reason"] == "1 of 1 selected tests did not finish"


def test_an_interrupted_test_is_named(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(
        test_it="""
        def test_done(): pass
        def test_stopped(): raise KeyboardInterrupt
        def test_never(): pass
        """
    )
    run = run_reported(subprocess=True)
    assert run.outcomes() == {"test_it.py::test_done": "passed"}
    assert run.report["started_not_finished"] == ["test_it.py::test_stopped"]
    assert run.report["reason"] == (
        "interrupted: KeyboardInterrupt; 2 of 3 selected tests did not finish"
    )
    assert run.report["exit_status"] == 2


def test_pytest_exit_with_code_zero_is_incomplete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile("import pytest\ndef test_a(): pytest.exit('enough', returncode=0)")
    report = run_reported().report
    assert report["exit_status"] == 0
    assert report["reason"].startswith("interrupted: enough")


def test_an_internal_error_is_incomplete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(
        """
        def pytest_runtest_logfinish(nodeid):
            raise RuntimeError("a plugin broke")
        """
    )
    pytester.makepyfile("def test_a(): pass")
    report = run_reported(*workers).report
    assert not report["complete"]
    assert "internal error: RuntimeError: a plugin broke" in report["reason"]


def test_an_error_at_the_end_of_the_session_is_incomplete(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makeconftest("def pytest_sessionfinish(): raise RuntimeError('too late')")
    pytester.makepyfile("def test_a(): pass")
    report = run_reported(subprocess=True).report
    assert report["reason"] == "the end of the session failed: RuntimeError('too late')"


def test_a_usage_error_is_incomplete(run_reported: Callable[..., Any]) -> None:
    run = run_reported("no_such_file.py")
    assert run.result.ret == run.report["exit_status"] == 4
    assert run.report["reason"] == "pytest could not use its arguments or its configuration"


def test_a_crash_without_workers_leaves_an_incomplete_report(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_it=CRASH)
    pytester.path.joinpath("report.json").write_text('{"complete": true}', encoding="utf-8")
    run = run_reported(subprocess=True)
    assert run.result.ret == 7
    assert not run.report["complete"]
    assert "pytest did not end its session" in run.report["reason"]
    assert run.report["tests"] == []


@pytest.mark.slow
def test_a_crashed_worker_is_named_and_the_other_records_stay(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makepyfile(test_it=CRASH)
    run = run_reported("-p", "xdist", "-n1")
    assert run.outcomes() == {
        "test_it.py::test_before": "passed",
        "test_it.py::test_crash": "failed",
        "test_it.py::test_after": "passed",
    }
    crash = "test_it.py::test_crash"
    assert run.messages() == {crash: f"worker 'gw0' crashed while running '{crash}'"}
    assert run.report["started_not_finished"] == [crash]
    assert run.report["reason"] == (
        f"worker gw0 crashed while running {crash}; 1 of 3 selected tests did not finish"
    )


def test_a_worker_that_crashes_at_the_start_is_named(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    pytester.makeconftest(
        """
        import os
        def pytest_collection(session):
            if hasattr(session.config, "workerinput"):
                os._exit(1)
        """
    )
    pytester.makepyfile("def test_a(): pass")
    run = run_reported("-p", "xdist", "-n1", "--max-worker-restart=0")
    assert not run.report["complete"]
    assert "worker gw0 crashed: " in run.report["reason"]
    assert run.result.ret != 0


def test_extra_travels_from_the_test_to_its_record(
    pytester: pytest.Pytester, run_reported: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(
        """
        import pytest
        from pytest_nadia.recording import record_extra

        @pytest.fixture
        def trips(request):
            yield
            record_extra(request.node, "trips", {"made": (1, 2), "name": "caf\\xe9"})
        """
    )
    pytester.makepyfile("def test_a(trips): pass\ndef test_b(): pass")
    first, second = run_reported(*workers).report["tests"]
    assert first["extra"] == {"trips": {"made": [1, 2], "name": "caf\xe9"}}
    assert second["extra"] == {}


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_extra_must_be_plain(request: pytest.FixtureRequest, value: object) -> None:
    with pytest.raises(TypeError):
        record_extra(request.node, "bad", value)


def test_a_file_name_that_is_not_utf8_is_written_as_valid_json(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    name = os.fsdecode(b"test_\xff.py")
    pytester.path.joinpath(name).write_text("def test_a(): pass", encoding="utf-8")
    (test,) = run_reported("-p", "no:terminal").report["tests"]
    assert test["path"] == "test_\\udcff.py"
    assert test["outcome"] == "passed"


def test_unescaped_ids_are_written_as_they_are(
    pytester: pytest.Pytester, run_reported: Callable[..., Any]
) -> None:
    option = "disable_test_id_escaping_and_forfeit_all_rights_to_community_support"
    pytester.makeini(f"[pytest]\n{option} = true")
    pytester.makepyfile(
        'import pytest\n@pytest.mark.parametrize("x", ["\\xe9 \\U0001f600"])\ndef test_a(x): pass'
    )
    (test,) = run_reported().report["tests"]
    assert test["node_id"].endswith("test_a[\xe9 \U0001f600]")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("missing/report.json", "cannot write * No such file or directory"),
        ("folder", "cannot write */folder: it is not a regular file"),
        ("", "cannot write *: it is not a regular file"),
        ("pipe", "cannot write */pipe: it is not a regular file"),
    ],
)
def test_a_target_that_cannot_be_written_is_a_usage_error(
    pytester: pytest.Pytester, only_nadia: None, target: str, problem: str
) -> None:
    pytester.mkdir("folder")
    os.mkfifo(pytester.path / "pipe")
    pytester.makepyfile("def test_a(): open('ran', 'w')")
    result = pytester.runpytest_inprocess("-p", "nadia", f"--nadia-report={target}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.strip()]
    pytest.LineMatcher([line]).fnmatch_lines([f"ERROR: --nadia-report: {problem}*"])
    assert not pytester.path.joinpath("ran").exists()


def test_the_target_is_relative_to_where_pytest_started(
    pytester: pytest.Pytester, only_nadia: None
) -> None:
    pytester.makepyfile("import os\ndef test_a(tmp_path): os.chdir(tmp_path)")
    pytester.mkdir("out")
    pytester.runpytest_inprocess("-p", "nadia", "--nadia-report=out/r.json")
    assert [one.name for one in (pytester.path / "out").iterdir()] == ["r.json"]


@pytest.mark.parametrize(("body", "status"), [("pass", 3), ("assert False", 1)])
def test_a_report_that_cannot_be_written_at_the_end_is_not_success(
    pytester: pytest.Pytester, only_nadia: None, body: str, status: int
) -> None:
    pytester.mkdir("out")
    pytester.makepyfile(f"import shutil\ndef test_a():\n    shutil.rmtree('out')\n    {body}")
    result = pytester.runpytest_inprocess("-p", "nadia", "--nadia-report=out/r.json")
    assert result.ret == status
    result.stderr.fnmatch_lines(["--nadia-report: cannot write */out/r.json: No such file*"])


def test_what_is_not_a_file_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    target.mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        write_document(target, {})
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_fails_half_way_leaves_the_old_document_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "r.json"
    target.write_text("old", encoding="utf-8")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_document(target, {})
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    assert target.read_text(encoding="utf-8") == "old"


def test_a_symbolic_link_stays_one(pytester: pytest.Pytester, only_nadia: None) -> None:
    link = pytester.path / "link.json"
    link.symlink_to("real.json")
    pytester.makepyfile("def test_a(): pass")
    pytester.runpytest_inprocess("-p", "nadia", "--nadia-report=link.json")
    assert link.is_symlink()
    assert json.loads(link.read_text(encoding="utf-8"))["complete"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\ntwo", "one"),
        ("\n  first  \nsecond", "first"),
        ("Traceback:\nE   ImportError: no\nE   KeyError: 'k'", "KeyError: 'k'"),
        ("Expected:\n    3\n\nx.py:3: DocTestFailure", "x.py:3: DocTestFailure"),
        ("x" * 900, "x" * 500),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_records_come_in_the_order_of_collection() -> None:
    run = Run()
    run.select(["b", "a"])
    for name in ("x", "a", "b"):
        run.add(Phase(name, "call", "passed", 0.1, "", "p", 1))
        run.finish(name)
    document = run.document(exit_status=0, rootdir=Path(), inipath=None)
    assert [test["node_id"] for test in document["tests"]] == ["b", "a", "x"]
    json.dumps(document)
