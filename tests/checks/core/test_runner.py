"""Faults planted into the processes of checks: none of them may look like a pass."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from nadia_checks.core.runner import Job, Ran, Runner

pytestmark = pytest.mark.integration


class Watcher:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, check: str) -> None:
        self.events.append(("started", check))

    def finished(self, ran: Ran) -> None:
        self.events.append(("finished", ran.check))


def runner(folder: Path, body: str, watcher: Watcher | None = None, at_once: int = 2) -> Runner:
    """A runner whose worker is the given code; `scratch` and `job` are its input."""
    script = folder / "worker.py"
    script.write_text(
        "import json, os, signal, subprocess, sys, time\n"
        "scratch = sys.argv[1]\n"
        "job = json.loads(sys.stdin.readline())\n"
        "def give(text):\n"
        "    open(scratch + '/result.json', 'w').write(text)\n" + textwrap.dedent(body)
    )
    return Runner(folder, watcher or Watcher(), at_once, (sys.executable, str(script)))


def run_one(folder: Path, body: str, time_limit: float = 60) -> Ran:
    return runner(folder, body).run([Job(check="lint", time_limit=time_limit)])[0]


def test_a_result_is_read_and_timed(tmp_path: Path) -> None:
    ran = run_one(tmp_path, "give(json.dumps({'check': job['check'], 'metrics': {'files': 3}}))")

    assert (ran.check, ran.error, ran.metrics) == ("lint", "", {"files": 3})
    assert ran.seconds > 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "gave no readable result"),
        ("give('')", "gave no readable result"),
        ('give(\'{"check": "lint"\')', "gave no readable result"),
        ("give('[]')", "gave no readable result"),
        ("sys.exit(5)", "crashed with exit code 5"),
        (
            "raise ValueError('out of spoons')",
            "crashed with exit code 1: ValueError: out of spoons",
        ),
        ("os._exit(9)", "crashed with exit code 9"),
        ("give(json.dumps({'check': 'lint'})); sys.exit(1)", "crashed with exit code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
    ],
)
def test_a_broken_worker_is_an_error(tmp_path: Path, body: str, error: str) -> None:
    assert run_one(tmp_path, body).error.startswith(error)


def test_words_written_letter_by_letter_arrive_whole(tmp_path: Path) -> None:
    body = "for one in b'out of spoons': os.write(1, bytes([one])); time.sleep(0.001)\nsys.exit(7)"

    assert run_one(tmp_path, body).error == "crashed with exit code 7: out of spoons"


def test_a_hanging_worker_is_ended_at_its_limit(tmp_path: Path) -> None:
    ran = run_one(tmp_path, "time.sleep(600)", time_limit=0.5)

    assert ran.error == "took longer than its limit of 0.5 s"


@pytest.mark.slow
def test_a_worker_that_ignores_signals_is_ended(tmp_path: Path) -> None:
    ran = run_one(
        tmp_path,
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
        """,
        time_limit=1,
    )

    assert ran.error == "took longer than its limit of 1 s"


def test_a_worker_that_prints_a_gigabyte_keeps_the_gate_small(tmp_path: Path) -> None:
    ran = run_one(
        tmp_path,
        """
        block = b'x' * (1 << 20)
        for _ in range(1024):
            os.write(1, block)
        print('\\nlast words', flush=True)
        sys.exit(4)
        """,
    )

    assert ran.error == "crashed with exit code 4: last words"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("start_new_session=False", "time.sleep(600)"),
        ("start_new_session=False", "os._exit(1)"),
        ("start_new_session=True", "time.sleep(600)"),
    ],
)
def test_nothing_that_a_worker_started_survives_it(tmp_path: Path, how: str, end: str) -> None:
    ran = run_one(
        tmp_path,
        f"""
        import ctypes
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        child = subprocess.Popen([sys.executable, '-c',
            'import subprocess, sys, time;'
            'p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], {how});'
            'print(p.pid, flush=True); {"pass" if "True" in how else "time.sleep(600)"}'],
            stdout=subprocess.PIPE)
        open({str(tmp_path / "pids")!r}, 'w').write(
            f"{{child.pid}} {{child.stdout.readline().decode()}}")
        {end}
        """,
        time_limit=3,
    )

    assert ran.error
    for pid in (tmp_path / "pids").read_text().split():
        assert not is_running(int(pid))


def test_jobs_run_at_once_and_keep_their_order(tmp_path: Path) -> None:
    watcher = Watcher()
    body = f"""
        open({str(tmp_path)!r} + '/' + job['check'], 'w')
        other = {{'a': 'b', 'b': 'a'}}[job['check']]
        while not os.path.exists({str(tmp_path)!r} + '/' + other):
            time.sleep(0.01)
        give(json.dumps({{'check': job['check']}}))
    """

    jobs = [Job(check=name, time_limit=60) for name in "ab"]
    ran = runner(tmp_path, body, watcher).run(jobs)

    assert [(one.check, one.error) for one in ran] == [("a", ""), ("b", "")]
    assert sorted(watcher.events) == [
        ("finished", "a"),
        ("finished", "b"),
        ("started", "a"),
        ("started", "b"),
    ]


def test_stop_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    watcher = Watcher()
    one = runner(tmp_path, "open('started', 'w').close(); time.sleep(600)", watcher, at_once=1)
    done: list[Ran] = []
    jobs = [Job(check=name, time_limit=600) for name in "abc"]
    thread = threading.Thread(target=lambda: done.extend(one.run(jobs)))
    thread.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)

    one.stop()
    thread.join(timeout=30)

    assert [ran.error for ran in done] == ["was killed by SIGKILL", "stopped", "stopped"]
    assert watcher.events == [("started", "a")]


def test_a_worker_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    missing = Runner(tmp_path, Watcher(), 1, (str(tmp_path / "nothing"),))

    assert "cannot be started" in missing.run([Job(check="lint", time_limit=5)])[0].error


def test_workers_know_that_they_run_in_a_gate(tmp_path: Path) -> None:
    body = "give(json.dumps({'check': 'lint', 'error': os.environ['NADIA_GATE']}))"

    assert run_one(tmp_path, body).error == str(tmp_path)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.getpid() != pid
