"""The process in which one check runs: a job on standard input, a result file in a folder.

Standard input stays open as long as the gate lives: when it closes, this process ends itself and
all that it started.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from nadia_checks.core.check import Context
from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.exit_codes import Exit
from nadia_checks.core.fingerprints import encodable, to_findings
from nadia_checks.core.process import INSTALL, adopt_orphans, end_descendants
from nadia_checks.core.project import Project, load_project
from nadia_checks.core.runner import RESULT_FILE, Job, Ran
from nadia_checks.registry import CHECK_NAMES, load_check

Load = Callable[[Path, list[str]], Project]


def main(load: Load = load_project) -> int:
    """Runs the job that the gate sends; `load` gives the project for a folder."""
    adopt_orphans()
    scratch = Path(sys.argv[1])
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_the_gate, daemon=True).start()
    ran = run(job, scratch, load)
    unfinished = scratch / "unfinished"
    unfinished.write_bytes(msgspec.json.encode(ran))
    unfinished.rename(scratch / RESULT_FILE)
    end_descendants(os.getpid())
    return Exit.PASS


def run(job: Job, scratch: Path, load: Load = load_project) -> Ran:
    """Runs the job on the project in the current folder; the check may write into `scratch`."""
    try:
        project = load(Path.cwd(), CHECK_NAMES)
        check = load_check(job.check)
        context = Context(
            project=project, scratch=scratch, time_limit=job.time_limit, preview=job.preview
        )
        outcome = check.run(context)
    except (CheckError, UsageError) as error:
        return Ran(check=job.check, error=encodable(str(error)))
    except ModuleNotFoundError as error:
        return Ran(check=job.check, error=f"{error.name} is not installed: {INSTALL}")
    findings = to_findings(outcome.drafts, project.root)
    return Ran(check=job.check, metrics=outcome.metrics, findings=findings, unseen=outcome.unseen)


def _end_with_the_gate() -> None:
    # Not through sys.stdin: its lock, held here, would abort the interpreter when it ends.
    while os.read(0, 1):
        pass
    end_descendants(os.getpid())
    os._exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
