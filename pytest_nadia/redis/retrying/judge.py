"""Compares a run in which a reply was lost with the runs without a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pytest_nadia.redis.retrying.pattern import Pattern, learn, mismatches, varying
from pytest_nadia.redis.retrying.repairs import SCRIPTS, TAKING, alike, repair_of
from pytest_nadia.redis.retrying.report import CommandOutcome, RetryReport, Verdict
from pytest_nadia.redis.retrying.run import Run, queued, result_tree, same_between, state_tree
from pytest_nadia.redis.snapshot import Snapshot
from pytest_nadia.redis.state.difference import (
    describe_changes,
    describe_node,
    describe_place,
    show,
)
from pytest_nadia.redis.state.tree import ABSENT, Absent, Change, Leaf, Node, Path, flatten
from pytest_nadia.redis.steps import describe_error
from pytest_nadia.redis.wire import CommandRecord

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

APPLIED = frozenset({"ok", "lost"})


@dataclass(frozen=True, slots=True)
class Judge:
    clean: Run
    databases: tuple[int, ...]
    state: Pattern
    result: Pattern

    @classmethod
    def of(cls, clean: Sequence[Run], faulty: Sequence[Run]) -> Judge:
        first = clean[0]

        def same(before: Leaf, after: Leaf, run: int) -> bool:
            return same_between(first, clean[run], before, after)

        databases = sorted({n for run in (*clean, *faulty) for n in run.final.keys})
        return cls(
            first,
            tuple(databases),
            learn([state_tree(run, databases) for run in clean], same),
            learn([result_tree(run.result) for run in clean], same),
        )

    def report(self, writes: Sequence[CommandRecord], faulty: Sequence[Run]) -> RetryReport:
        """`faulty`: for each of the writes the run in which its reply was lost."""
        cases = [self._case(*pair) for pair in zip(writes, faulty, strict=True)]
        outcomes = [case.outcome(place, len(cases)) for place, case in enumerate(cases, start=1)]
        again = any(case.repeated for case in cases)
        return RetryReport(tuple(outcomes), tuple(self._left_out()), sent_again=again)

    def _left_out(self) -> Iterator[str]:
        for path in varying(self.state):
            yield describe_place(path)
        for path in varying(self.result):
            yield "the return value" + _brackets(path)

    def _case(self, expected: CommandRecord, run: Run) -> _Case:
        # Where commands run concurrently it may have been another one's turn.
        record = next((r for r in run.writes if r.outcome == "lost"), expected)
        same = partial(same_between, self.clean, run)
        changes = list(mismatches(self.state, state_tree(run, self.databases), same))
        return _Case(
            record,
            _culprit(record, run, self.clean, changes),
            run,
            changes,
            list(mismatches(self.result, result_tree(run.result), same)),
            _is_repeated(record, run, self.clean),
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """One run with a lost reply. `culprit`: what was sent again and explains the changes."""

    record: CommandRecord
    culprit: CommandRecord
    run: Run
    changes: list[Change]
    results: list[Change]
    repeated: bool

    def outcome(self, place: int, of: int) -> CommandOutcome:
        verdict = self._verdict()
        failed = verdict in {"double", "lost", "hung"}
        return CommandOutcome(
            place,
            of,
            self.record.name,
            self.record.key,
            verdict,
            tuple(self._state_lines() if failed else ()) + tuple(self._told_lines()),
            repair_of(self.culprit.name) if failed else "",
            _client_of_repetition(self.record, self.run) if failed else "",
        )

    def _verdict(self) -> Verdict:
        if not self.run.fired:
            return "unfired"
        if self.run.hung:
            return "hung"
        if self.run.error is not None:
            return self._verdict_after_error() if self.repeated else "surfaced"
        if not self.changes:
            return "lost" if self._datum_is_gone() else "safe"
        if self.repeated:
            return "lost" if self._takes or _all_gone(self.changes) else "double"
        if self.results:
            return "surfaced"
        return "lost" if _all_gone(self.changes) else "double"

    def _verdict_after_error(self) -> Verdict:
        """The caller was told, but the command had been sent again before."""
        key = self.culprit.key
        of_key = [c for c in self.changes if key is None or c.path[1] in (key, "*")]
        if of_key and self._takes:
            return "lost"
        # What is missing is what the operation did not come to do.
        return "surfaced" if _all_gone(of_key) else "double"

    @property
    def _takes(self) -> bool:
        return self.culprit.name in TAKING

    def _datum_is_gone(self) -> bool:
        """Whether the caller did not get what it gets without a fault, and Redis has it no more."""
        if self._takes and self.results:
            return True
        wanted = {text for change in self.results for text in _texts(change.before)}
        held = b"\0".join(_data(self.run.prepared))
        kept = b"\0".join([*_data(self.run.final), *_texts(result_tree(self.run.result))])
        return any(text in held and text not in kept for text in wanted if text)

    def _state_lines(self) -> Iterator[str]:
        if self.culprit is not self.record:
            yield f"sent again with it: {self.culprit.name} {show(self.culprit.key or b'')}"
        if self.repeated and (other := _sent_again_as(self.record, self.run)):
            yield f"sent again as {other}"
        yield from describe_changes(self.changes)

    def _told_lines(self) -> Iterator[str]:
        if self.run.error is not None:
            yield f"raised {describe_error(self.run.error)}"
        elif self.run.fired:
            yield from map(_describe_result, self.results)


def _culprit(
    record: CommandRecord, run: Run, clean: Run, changes: Sequence[Change]
) -> CommandRecord:
    """Of the commands that were sent again, in one pipeline, the one whose key changed."""
    changed = {change.path[1] for change in changes}
    if record.key is None or record.key in changed:
        return record
    again = (r for r in run.writes if r.key in changed and _is_repeated(r, run, clean))
    return next(again, record)


def _is_repeated(record: CommandRecord, run: Run, clean: Run) -> bool:
    """Whether what the command does was done more often than without a fault."""
    return any(_is_more_often(each, run, clean) for each in _carried_out(record, run))


def _is_more_often(record: CommandRecord, run: Run, clean: Run) -> bool:
    here, there = _applied(run), _applied(clean)
    names = _stand_ins(record, run)
    usual = sum(there[name, record.key] for name in names)
    if usual:
        return sum(here[name, record.key] for name in names) > usual
    # The key's name varies: another key is another try.
    names = alike(record.name)
    return _of_names(here, names) > _of_names(there, names)


def _stand_ins(record: CommandRecord, run: Run) -> frozenset[str]:
    """The commands that may do the same again. Nobody knows what a script does to its key."""
    if record.key is not None and record.name in SCRIPTS:
        return frozenset(each.name for each in (record, *run.writes))
    return alike(record.name)


def _carried_out(record: CommandRecord, run: Run) -> Iterator[CommandRecord]:
    """The command; of an EXEC also those that it applied, which may be sent again one by one."""
    yield record
    if record.name == "EXEC":
        waiting = queued(run.records)[record.connection, record.number]
        yield from (r for r in run.writes if r.number in waiting)


def _sent_again_as(record: CommandRecord, run: Run) -> str:
    """Another name under which the command, or one of its transaction, was sent again, or ""."""
    for each in _carried_out(record, run):
        for later in run.writes:
            is_other = later.name != record.name and later.number > record.number
            if is_other and later.key == each.key and later.name in _stand_ins(each, run):
                return later.name
    return ""


def _applied(run: Run) -> Counter[tuple[str, bytes | None]]:
    return Counter((r.name, r.key) for r in run.writes if r.outcome in APPLIED)


def _of_names(counts: Counter[tuple[str, bytes | None]], names: Collection[str]) -> int:
    return sum(count for (other, _), count in counts.items() if other in names)


def _data(snapshot: Snapshot) -> Iterator[bytes]:
    """What users put into Redis: values and names."""
    for path, leaf in snapshot.flatten().items():
        yield from (part for part in (*path, leaf) if isinstance(part, bytes))


def _texts(node: Node | Absent) -> Iterator[bytes]:
    if isinstance(node, Absent):
        return
    for path, leaf in flatten(node):
        for part in (*path, leaf):
            if isinstance(part, bytes | str):
                yield part if isinstance(part, bytes) else part.encode()


def _all_gone(changes: list[Change]) -> bool:
    return all(change.after is ABSENT for change in changes)


def _client_of_repetition(record: CommandRecord, run: Run) -> str:
    again = [r for r in run.writes if (r.name, r.key) == (record.name, record.key)]
    if len(again) < 2:
        return ""
    told = {
        r.arguments[0]: r.arguments[1].decode(errors="replace")
        for r in run.records
        if r.name == "CLIENT SETINFO" and r.connection == again[-1].connection
    }
    return " ".join(told[name] for name in (b"LIB-NAME", b"LIB-VER") if name in told)


def _describe_result(change: Change) -> str:
    place = f"the return value{_brackets(change.path)}"
    return f"{place}: {_show_result(change.before)} -> {_show_result(change.after)}"


def _show_result(node: Node | Absent) -> str:
    return "nothing" if isinstance(node, Absent) else describe_node(node)


def _brackets(path: Path) -> str:
    return "".join(f"[{name}]" if isinstance(name, int) else f"[{show(name)}]" for name in path)
