"""One run at a time for each stage."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
from pathlib import Path

import pytest

from crosscloud_mnist.errors import StorageInUseError
from crosscloud_mnist.storage.run_lock import RunLock


def acquire(storage: Path, stage: str) -> RunLock:
    lock = RunLock(storage, [stage], stage)
    lock.acquire()
    return lock


def test_a_second_run_of_a_stage_is_rejected_by_name(tmp_path: Path) -> None:
    first = RunLock(tmp_path, ["ingest", "train"], "train")
    first.acquire()
    with pytest.raises(StorageInUseError, match=r"another run \(train, process \d+ on .*'ingest'"):
        RunLock(tmp_path, ["ingest"], "ingest_mnist").acquire()
    first.release()
    RunLock(tmp_path, ["ingest"], "ingest_mnist").acquire()


def test_runs_of_different_stages_do_not_exclude_each_other(tmp_path: Path) -> None:
    first = acquire(tmp_path, "train")
    second = acquire(tmp_path, "register")
    first.release()
    second.release()


def test_a_rejected_run_holds_no_lock(tmp_path: Path) -> None:
    first = acquire(tmp_path, "train")
    rejected = RunLock(tmp_path, ["ingest", "train"], "train")
    with pytest.raises(StorageInUseError):
        rejected.acquire()
    acquire(tmp_path, "ingest").release()
    first.release()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pipeline": "train"}', b"\xff"])
def test_an_unreadable_record_of_the_holder_does_not_hide_the_cause(
    tmp_path: Path, content: bytes
) -> None:
    first = acquire(tmp_path, "train")
    (tmp_path / ".locks" / "train.json").write_bytes(content)
    with pytest.raises(StorageInUseError, match="^another run uses the files of the stage 'train'"):
        RunLock(tmp_path, ["train"], "train").acquire()
    first.release()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP])
def test_on_storage_without_locks_a_run_goes_on_and_a_warning_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "not supported")

    monkeypatch.setattr(fcntl, "flock", fail)
    with caplog.at_level(logging.WARNING):
        RunLock(tmp_path, ["train"], "train").acquire()
        RunLock(tmp_path, ["train"], "train").acquire()  # after a first that was killed
    assert "has no file locks: start one run at a time" in caplog.text


def test_storage_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file")
    with pytest.raises(StorageInUseError, match=r"cannot be locked \(Not a directory\)"):
        RunLock(tmp_path / "storage", ["train"], "train").acquire()


def test_the_record_names_the_run(tmp_path: Path) -> None:
    acquire(tmp_path, "train")
    record = json.loads((tmp_path / ".locks" / "train.json").read_bytes())
    assert record["pipeline"] == "train"
    assert set(record) == {"pipeline", "process_id", "host", "since"}
