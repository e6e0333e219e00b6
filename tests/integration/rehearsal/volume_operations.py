"""Tries file operations in a folder, and prints which error each has, as JSON."""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

folder = Path(sys.argv[1])
outcomes: dict[str, str] = {}


def attempt(name: str, operation: Callable[[], object]) -> None:
    try:
        operation()
        outcomes[name] = "accepted"
    except OSError as error:
        outcomes[name] = errno.errorcode[error.errno]


def write(mode: str, name: str = "file") -> None:
    with (folder / name).open(mode) as file:
        file.write(b"content")


def write_at(position: int) -> None:
    with (folder / "another").open("wb") as file:
        file.write(b"content")
        file.seek(position)
        file.write(b"C")


def write_and_read() -> None:
    with (folder / "another").open("w+b") as file:
        file.write(b"content")
        file.seek(0)
        assert file.read() == b"content"


def write_zip() -> None:
    with zipfile.ZipFile(folder / "file.zip", "w") as archive:
        archive.writestr("name", "content")


def lock(function: Callable[[int, int], object]) -> None:
    with (folder / "lock").open("wb") as file:
        function(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def map_file(mode: str, access: int) -> None:
    write("wb")
    with (folder / "file").open(mode) as file:
        mmap.mmap(file.fileno(), 4, access=access).close()


def map_to_write() -> None:
    with (folder / "file").open("w+b") as file:
        file.write(b"content")
        file.flush()
        mmap.mmap(file.fileno(), 4, access=mmap.ACCESS_WRITE).close()


def read_from_any_place() -> None:
    with (folder / "large").open("rb") as file:
        file.seek(2_000_000)
        assert file.read(2) == b"xx"
        file.seek(0)
        assert len(file.read()) == 3_000_000


def list_folder() -> None:
    assert {"file", "large", "sub"} <= {path.name for path in folder.iterdir()}


attempt("write", lambda: (folder / "large").write_bytes(b"x" * 3_000_000))
attempt("write again", lambda: write("wb"))
attempt("write text", lambda: (folder / "text").write_text("content"))
attempt("write and read", write_and_read)
attempt("create", lambda: write("xb", "new"))
attempt("touch", lambda: [(folder / "touched").touch() for _ in range(2)])
attempt("append to a new file", lambda: write("ab", "appended"))
attempt("append", lambda: write("ab"))
attempt("update", lambda: write("r+b"))
attempt("write backwards", lambda: write_at(0))
attempt("write with a gap", lambda: write_at(100))
attempt("write a zip file", write_zip)
attempt("shorten", lambda: os.truncate(folder / "file", 3))
attempt("rename a file", lambda: (folder / "large").rename(folder / "renamed"))
if (folder / "renamed").exists():
    (folder / "renamed").rename(folder / "large")
(folder / "sub").mkdir()
attempt("rename a folder", lambda: (folder / "sub").rename(folder / "other"))
attempt("hard link", lambda: (folder / "link").hardlink_to(folder / "file"))
attempt("symbolic link", lambda: (folder / "link").symlink_to(folder / "file"))
attempt("flock", lambda: lock(fcntl.flock))
attempt("fcntl lock", lambda: lock(fcntl.lockf))
attempt("change the mode", lambda: (folder / "file").chmod(0o600))
attempt("set the time", lambda: os.utime(folder / "file", (1, 1)))
attempt("map to write", map_to_write)
attempt("map to read", lambda: map_file("rb", mmap.ACCESS_READ))
attempt("read from any place", read_from_any_place)
attempt("list", list_folder)
with tempfile.NamedTemporaryFile() as source:
    attempt("copy the content", lambda: shutil.copyfile(source.name, folder / "copy"))
    attempt("copy with times", lambda: shutil.copy2(source.name, folder / "copy"))
attempt("remove a folder", lambda: shutil.rmtree(folder / "sub"))
sys.stdout.write(json.dumps(outcomes))
