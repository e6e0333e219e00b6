"""A reader sees a complete file or none, with rename and without."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from crosscloud_mnist.storage import atomic


@pytest.fixture(params=["rename", "no rename"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(atomic, "_devices_without_rename", set())
    if request.param == "no rename":
        reject_rename(monkeypatch)
    return tmp_path


def reject_rename(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Have every rename fail as on a volume; return what was to be renamed."""
    attempts: list[Path] = []

    def replace(path: Path, target: Path) -> None:
        attempts.append(path)
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(Path, "replace", replace)
    return attempts


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_replaced(folder: Path) -> None:
    path = folder / "new" / "file"
    for content in (b"a longer content", b"content"):
        atomic.write_bytes(path, content)
        assert atomic.read_bytes(path) == content
    atomic.write_chunks(path, iter((b"in ", b"chunks")))
    assert atomic.read_bytes(path) == b"in chunks"
    assert atomic.is_complete(path)
    assert names(path.parent) == ["file"]


def test_only_the_first_file_is_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "_devices_without_rename", set())
    attempts = reject_rename(monkeypatch)
    for index in range(3):
        atomic.write_bytes(tmp_path / f"{index}", b"content")
    assert len(attempts) == 1
    assert names(tmp_path) == ["0", "1", "2"]


def test_another_error_of_rename_is_raised(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        atomic.write_bytes(tmp_path / "folder", b"content")
    assert names(tmp_path) == ["folder"]


def test_an_interrupted_writer_leaves_no_file_to_a_reader(folder: Path) -> None:
    path = folder / "epoch-0001.json"
    atomic.write_bytes(path, b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new, "
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic.write_chunks(path, chunks())
    assert atomic.read_bytes(path) == b"old"  # nothing reaches the storage before all is there


def test_a_file_with_its_marker_is_absent_until_it_is_written_again(folder: Path) -> None:
    path = folder / "epoch-0001.json"
    path.write_bytes(b"half of the cont")
    marker = folder / ".epoch-0001.json.incomplete"
    marker.touch()
    assert not atomic.is_complete(path)
    assert atomic.find(folder, "epoch-*.json") == []
    with pytest.raises(FileNotFoundError, match="Not complete"):
        atomic.read_bytes(path)
    atomic.write_bytes(path, b"content")
    assert atomic.find(folder, "epoch-*.json") == [path]
    assert names(folder) == ["epoch-0001.json"]


def test_the_marker_is_there_while_a_file_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "_devices_without_rename", {tmp_path.stat().st_dev})
    path, seen = tmp_path / "file", []
    copy = atomic.sequential.copy

    def observe(source: object, target: Path) -> None:
        seen.append((target.name, names(tmp_path)))
        copy(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic.sequential, "copy", observe)
    atomic.write_bytes(path, b"content")
    assert seen == [(".file.incomplete", []), ("file", [".file.incomplete"])]


def test_a_read_during_which_a_writer_begins_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    read = Path.read_bytes

    def read_while_a_writer_begins(self: Path) -> bytes:
        (tmp_path / ".file.incomplete").touch()
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", read_while_a_writer_begins)
    with pytest.raises(FileNotFoundError, match="Not complete"):
        atomic.read_bytes(path)


def test_what_interrupted_writers_left_is_removed_with_the_files(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    left = ["epoch-0001.json", ".epoch-0002.json.incomplete", ".epoch-0003.json.ab12"]
    for name in (*left, other.name):
        (tmp_path / name).touch()
    atomic.remove(tmp_path, "epoch-*.json")
    assert list(tmp_path.iterdir()) == [other]
