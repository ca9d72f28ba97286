"""Runs a piece of work in a forked child, which is ended at the deadline whatever it does."""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import sys
import tempfile
import warnings
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Literal, NoReturn

import msgspec

from pytest_nadia.health.reading import Reading, read_error
from pytest_nadia.health.surroundings import Seen, Surroundings, set_up
from pytest_nadia.timing import real

if TYPE_CHECKING:
    from collections.abc import Callable

Ending = Literal["returned", "raised", "hung", "died"]

_SECONDS_TO_START = 30.0
# For a parent that was killed: nobody else would end a child that hangs.
_SECONDS_AFTER = 10.0
_MOST_OUTPUT = 4096
_STARTED = b"\x01"


class Ran(msgspec.Struct, frozen=True):
    """How a run ended.

    `seconds` are real ones, `machine` the measures that were read, `connects` counts the attempts
    to connect to the Redis of the matrix, `output` is the end of what was printed.
    """

    ending: Ending
    seconds: float
    reading: Reading | None = None
    detail: str = ""
    machine: tuple[str, ...] = ()
    connects: int = 0
    output: str = ""


def run_bounded(
    work: Callable[[], Reading], deadline: float, surroundings: Surroundings | None = None
) -> Ran:
    """Run `work` in a child that sees everything this process has; at most `deadline` seconds.

    Without `surroundings` it finds the real machine and the real clock.

    Threads and programs that it started are ended with it.
    """
    receiving, sending = os.pipe()
    with tempfile.TemporaryFile() as output:
        pid = _fork()
        if pid == 0:
            _live(work, deadline, surroundings, sending, output)
        os.close(sending)
        try:
            ran = _receive(receiving, deadline)
        finally:
            os.close(receiving)
            status = _end(pid)
        return msgspec.structs.replace(_explained(ran, status), output=_end_of(output))


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns where threads run: the child only runs the check, and is ended.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _live(
    work: Callable[[], Reading],
    deadline: float,
    surroundings: Surroundings | None,
    sending: int,
    output: IO[bytes],
) -> NoReturn:
    """The child's whole life."""
    try:
        _be_alone(output, deadline)
        seen = set_up(surroundings) if surroundings else Seen()
        os.write(sending, _STARTED)
        started = real.monotonic()
        ran = _attempt(work)
        seconds = real.monotonic() - started
        ran = msgspec.structs.replace(
            ran, seconds=seconds, machine=tuple(sorted(seen.machine)), connects=seen.connects
        )
        _flush()
        os.write(sending, msgspec.msgpack.encode(ran))
    except BaseException as error:
        os.write(2, _one_line(error).encode())
    finally:
        os._exit(0)


def _be_alone(output: IO[bytes], deadline: float) -> None:
    os.setpgid(0, 0)
    # What was there before is never collected here: looking at it would copy all memory.
    gc.freeze()
    # pytest lets it write to the terminal when a signal ends the process.
    faulthandler.disable()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, deadline + _SECONDS_AFTER)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115


def _attempt(work: Callable[[], Reading]) -> Ran:
    try:
        return Ran("returned", 0.0, work())
    except BaseException as error:
        reading = read_error(error)
        if reading is not None:
            return Ran("returned", 0.0, reading)
        return Ran("raised", 0.0, detail=_one_line(error))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _flush() -> None:
    with suppress(Exception):
        sys.stdout.flush()


def _receive(receiving: int, deadline: float) -> Ran | None:
    """What the child sent; None if it ended without a word."""
    if not _is_ready(receiving, _SECONDS_TO_START):
        return Ran("hung", _SECONDS_TO_START, detail="its process did not start")
    if os.read(receiving, 1) != _STARTED:
        return None
    data = b""
    end = real.monotonic() + deadline
    while _is_ready(receiving, end - real.monotonic()):
        block = os.read(receiving, 1 << 16)
        if not block:
            return _decoded(data, deadline)
        data += block
    return Ran("hung", deadline, detail=f"no result within {deadline:g} s")


def _decoded(data: bytes, deadline: float) -> Ran | None:
    if not data:
        return None
    ran = msgspec.msgpack.decode(data, type=Ran)
    if ran.seconds > deadline:
        return msgspec.structs.replace(ran, ending="hung", detail=f"took {ran.seconds:.1f} s")
    return ran


def _is_ready(file: int, seconds: float) -> bool:
    return bool(select.select([file], [], [], max(0.0, seconds))[0])


def _end(pid: int) -> int:
    """Kills the child and its group, and gives how it had ended."""
    done, status = os.waitpid(pid, os.WNOHANG)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not done:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return status


def _explained(ran: Ran | None, status: int) -> Ran:
    if ran is not None:
        return ran
    code = os.waitstatus_to_exitcode(status)
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else "ended its own process"
    return Ran("died", 0.0, detail=how)


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _MOST_OUTPUT))
    return output.read().decode(errors="replace").strip()
