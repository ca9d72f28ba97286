from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from companion.errors import DeliveryError
from companion.transport import SentLog

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sent.jsonl"


def test_an_id_is_taken_once_also_by_the_next_process(path: Path) -> None:
    with SentLog(path) as log:
        assert log.deliver("m1", "ana", "é\nx")
        assert not log.deliver("m1", "ana", "again")
    with SentLog(path) as log:
        assert not log.deliver("m1", "ana", "again")
        assert log.deliver("m2", "ana", "next")
    assert ids(path) == ["m1", "m2"]
    assert json.loads(path.read_text().splitlines()[0])["text"] == "é\nx"


@pytest.mark.parametrize("kept", [1, 5, 30])
def test_a_torn_last_line_is_cut_off_and_sent_again(path: Path, kept: int) -> None:
    with SentLog(path) as log:
        log.deliver("m1", "ana", "one")
        whole = path.read_bytes()
        log.deliver("m2", "ana", "two")
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    with SentLog(path) as log:
        assert path.read_bytes() == whole
        assert log.deliver("m2", "ana", "two")
    assert ids(path) == ["m1", "m2"]


def test_a_line_whose_newline_is_missing_is_sent_again_once(path: Path) -> None:
    with SentLog(path) as log:
        log.deliver("m1", "ana", "one")
    path.write_bytes(path.read_bytes()[:-1])
    with SentLog(path) as log:
        log.deliver("m1", "ana", "one")
    assert ids(path) == ["m1"]


@pytest.mark.parametrize("damage", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_damage_further_up_is_an_error_not_a_guess(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with pytest.raises(DeliveryError, match="is damaged in line 1"):
        SentLog(path).__enter__()


def test_two_bots_cannot_share_a_log(path: Path) -> None:
    with SentLog(path), pytest.raises(DeliveryError, match="in use by another bot"):
        SentLog(path).__enter__()


def test_a_directory_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="cannot be opened"):
        SentLog(tmp_path).__enter__()


def test_a_full_disk_leaves_no_half_line_and_the_id_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with SentLog(path) as log:
        log.deliver("m1", "ana", "one")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
            with pytest.raises(DeliveryError, match="only 7 of"):
                log.deliver("m2", "ana", "two")
        assert ids(path) == ["m1"]
        assert log.deliver("m2", "ana", "two")
    assert ids(path) == ["m1", "m2"]


def test_what_did_not_reach_the_disk_does_not_count(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with SentLog(path) as log:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(DeliveryError, match="Input/output error"):
                log.deliver("m1", "ana", "one")
        assert path.read_bytes() == b""
