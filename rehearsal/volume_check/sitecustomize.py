"""The limits of a Unity Catalog volume for the file functions of this Python process.

Python imports this module at its start where its folder is in ``PYTHONPATH``. It takes the place of
``rehearsal.volume_server`` on a machine without FUSE, and rejects the same with the same errors.

REHEARSAL_VOLUME                  the folder
REHEARSAL_VOLUME_RENAMES_FILES    not empty: a file may be renamed
REHEARSAL_VOLUME_BUSY_WRITES      how many writes of a process are first answered by EAGAIN
"""

from __future__ import annotations

import builtins
import errno
import io
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

_open = builtins.open
_EMPTY = os.O_TRUNC | os.O_EXCL  # the file is empty when it is opened so
_READING = (mmap.ACCESS_READ, mmap.ACCESS_COPY)


class SequentialFile(io.FileIO):
    """A file that is written from front to back."""

    busy_writes = 0
    _written = 0

    def write(self, data: Any, /) -> int:
        """Write at the end of what was written."""
        if SequentialFile.busy_writes:
            SequentialFile.busy_writes -= 1
            raise _error(errno.EAGAIN)
        if self.tell() != self._written:
            raise _error(errno.EOPNOTSUPP)
        count = super().write(data)
        self._written += count
        return count

    def truncate(self, size: int | None = None, /) -> int:
        """Accept no other size than the present one."""
        if (self.tell() if size is None else size) != self._written:
            raise _error(errno.EOPNOTSUPP)
        return self._written


def install(folder: str, *, renames_files: bool) -> None:
    """Enforce the limits for the files below ``folder``, in this process, until it ends."""
    root = Path(folder).resolve()

    def is_inside(path: object) -> bool:
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        # The folder is resolved, the file is not: a link inside the volume belongs to it.
        return Path(os.fsdecode(path)).absolute().parent.resolve().is_relative_to(root)

    def open_sequentially(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> IO[Any]:
        if isinstance(file, int) or not set(mode) & set("wx") or not is_inside(file):
            return _open(file, mode, *arguments, **options)
        return _open_sequentially(file, mode, *arguments, **options)

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        rule = _RULES.get(event)
        if rule is None or not any(map(is_inside, arguments[: _PATHS.get(event, 1)])):
            return
        if event == "os.rename" and renames_files and Path(arguments[0]).is_file():
            return
        if number := rule(arguments):
            raise _error(number)

    builtins.open = io.open = open_sequentially
    sys.addaudithook(check)


def _open_sequentially(  # noqa: PLR0917  the arguments of open
    file: Any,
    mode: str,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Callable[[str, int], int] | None = None,
) -> IO[Any]:
    raw = SequentialFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    if buffering == 0:
        return raw
    buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    return io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)


def _reject_append_and_update(arguments: tuple[Any, ...]) -> int:
    _, mode, flags = arguments
    is_update = isinstance(mode, str) and flags & os.O_RDWR and not flags & _EMPTY
    return errno.EOPNOTSUPP if flags & os.O_APPEND or is_update else 0


def _reject_writable_map(arguments: tuple[Any, ...]) -> int:
    descriptor, _, access, _ = arguments
    return errno.ENODEV if descriptor >= 0 and access not in _READING else 0


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


# The error for an event of https://docs.python.org/3/library/audit_events.html, or 0.
_RULES: dict[str, Callable[[tuple[Any, ...]], int]] = {
    "open": _reject_append_and_update,
    "os.rename": lambda _: errno.ENOSYS,
    "os.link": lambda _: errno.ENOSYS,
    "os.symlink": lambda _: errno.ENOSYS,
    "fcntl.flock": lambda _: errno.ENOSYS,
    "fcntl.lockf": lambda _: errno.ENOSYS,
    "os.chmod": lambda _: errno.EPERM,
    "os.chown": lambda _: errno.EPERM,
    "os.utime": lambda arguments: errno.EPERM if arguments[1] or arguments[2] else 0,
    "os.truncate": lambda arguments: errno.EOPNOTSUPP if arguments[1] else 0,
    "mmap.__new__": _reject_writable_map,
}
_PATHS = {"os.rename": 2, "os.link": 2, "os.symlink": 2}  # how many arguments are paths; or 1

if os.environ.get("REHEARSAL_VOLUME"):
    SequentialFile.busy_writes = int(os.environ.get("REHEARSAL_VOLUME_BUSY_WRITES", "0"))
    install(
        os.environ["REHEARSAL_VOLUME"],
        renames_files=bool(os.environ.get("REHEARSAL_VOLUME_RENAMES_FILES")),
    )
