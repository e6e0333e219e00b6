"""A file system with the limits of a Unity Catalog volume, over a folder of this machine.

python -m rehearsal.volume_server FOLDER MOUNTPOINT [--renames-files] [--busy-writes N]

It is stricter than a volume where the sources differ. What it rejects, and why:

append, a write at another     EOPNOTSUPP  https://docs.databricks.com/aws/en/volumes/volume-files
place than the end, truncate               #limitations-of-working-with-files-in-volumes
hard and symbolic links        ENOSYS      (EPERM from some kernels) https://github.com/earth-mover/icechunk/issues/2341,
                                           https://github.com/NVIDIA-NeMo/Automodel/issues/995
rename of a folder, and of a   ENOSYS      icechunk 2341; a plain ``mv`` works in
file unless --renames-files                https://github.com/delta-io/delta-rs/issues/2540
flock and fcntl locks          ENOSYS      not documented; object storage has none
chmod, chown, times            EPERM       not documented; as mountpoint-s3, which is documented
mapping a file to write        ENODEV      not documented; its pages are written in any order
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mfusepy

_MAX_SECONDS = 4 * 3600  # a server that was forgotten ends
_WRITING = os.O_WRONLY | os.O_RDWR
_UTIME_NOW, _UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2  # <linux/stat.h>: no time is given


class VolumeOperations(mfusepy.Operations):
    """The operations of the file system.

    Args:
        folder: What the mountpoint shows.
        renames_files: Whether a file may be renamed.
        busy_writes: How many writes are first answered by ``EAGAIN``.
    """

    use_ns = True

    def __init__(self, folder: Path, *, renames_files: bool, busy_writes: int) -> None:
        self._folder = folder
        self._renames_files = renames_files
        self._busy_writes = busy_writes
        self._written: dict[int, int] = {}  # bytes, by descriptor

    def getattr(self, path: str, fi: Any = None) -> dict[str, int]:  # noqa: ARG002
        """Return what ``stat`` shows."""
        found = self._path(path).lstat()
        times = {f"st_{name}time": getattr(found, f"st_{name}time_ns") for name in "amc"}
        names = ("mode", "nlink", "uid", "gid", "size")
        return {**{f"st_{name}": getattr(found, f"st_{name}") for name in names}, **times}

    def readdir(self, path: str, fi: Any) -> list[str]:  # noqa: ARG002
        """Return the names in a folder."""
        return [".", "..", *os.listdir(self._path(path))]  # noqa: PTH208  names only

    def statfs(self, path: str) -> dict[str, int]:
        """Return the free space."""
        found = os.statvfs(self._path(path))
        return {name: getattr(found, name) for name in dir(found) if name.startswith("f_")}

    def mkdir(self, path: str, mode: int) -> int:
        """Create a folder."""
        self._path(path).mkdir(mode)
        return 0

    def rmdir(self, path: str) -> int:
        """Remove an empty folder."""
        self._path(path).rmdir()
        return 0

    def unlink(self, path: str) -> int:
        """Remove a file."""
        self._path(path).unlink()
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        """Create a file and open it."""
        return self._open(path, fi, mode)

    def open(self, path: str, fi: Any) -> int:
        """Open a file."""
        return self._open(path, fi, 0)

    def read(self, path: str, size: int, offset: int, fi: Any) -> bytes:  # noqa: ARG002
        """Read from any place."""
        return os.pread(fi.fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fi: Any) -> int:  # noqa: ARG002
        """Write at the end of what this descriptor has written, into a file that was empty."""
        if self._busy_writes:
            self._busy_writes -= 1
            raise mfusepy.FuseOSError(errno.EAGAIN)
        if not offset == self._written[fi.fh] == os.fstat(fi.fh).st_size:
            raise mfusepy.FuseOSError(errno.EOPNOTSUPP)
        count = os.pwrite(fi.fh, data, offset)
        self._written[fi.fh] += count
        return count

    def truncate(self, path: str, length: int, fi: Any = None) -> int:  # noqa: ARG002
        """Empty a file, which is what opening it for writing does; no other size is accepted."""
        if length not in (0, self._path(path).stat().st_size):
            raise mfusepy.FuseOSError(errno.EOPNOTSUPP)
        os.truncate(self._path(path), length)
        return 0

    def flush(self, path: str, fi: Any) -> int:  # noqa: ARG002
        """Accept: nothing is buffered."""
        return 0

    def fsync(self, path: str, datasync: int, fi: Any) -> int:  # noqa: ARG002
        """Write to the disk."""
        os.fsync(fi.fh)
        return 0

    def release(self, path: str, fi: Any) -> int:  # noqa: ARG002
        """Close a file."""
        self._written.pop(fi.fh, None)
        os.close(fi.fh)
        return 0

    def rename(self, old: str, new: str) -> int:
        """Rename a file, if that is allowed; never a folder."""
        if not self._renames_files or self._path(old).is_dir():
            raise mfusepy.FuseOSError(errno.ENOSYS)
        self._path(old).replace(self._path(new))
        return 0

    def flock(self, path: str, fi: Any, op: int) -> int:  # noqa: ARG002
        """Reject: there are no locks. Without this method, the kernel would keep them itself."""
        raise mfusepy.FuseOSError(errno.ENOSYS)

    def lock(self, path: str, fi: Any, cmd: int, lock: Any) -> int:  # noqa: ARG002
        """Reject, as ``flock``."""
        raise mfusepy.FuseOSError(errno.ENOSYS)

    def chmod(self, path: str, mode: int) -> int:  # noqa: ARG002
        """Reject: an object has no mode."""
        raise mfusepy.FuseOSError(errno.EPERM)

    def chown(self, path: str, uid: int, gid: int) -> int:  # noqa: ARG002
        """Reject: an object has no owner."""
        raise mfusepy.FuseOSError(errno.EPERM)

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Reject a time that is given; accept ``touch``."""
        if times and not {*times} <= {_UTIME_NOW, _UTIME_OMIT}:
            raise mfusepy.FuseOSError(errno.EPERM)
        os.utime(self._path(path))
        return 0

    def _open(self, path: str, fi: Any, mode: int) -> int:
        is_writing = bool(fi.flags & _WRITING)
        if is_writing and fi.flags & os.O_APPEND:
            raise mfusepy.FuseOSError(errno.EOPNOTSUPP)
        fi.fh = os.open(self._path(path), fi.flags, mode)
        if is_writing:
            fi.direct_io = 1  # not through the page cache, so that it cannot be mapped
            self._written[fi.fh] = 0
        return 0

    def _path(self, path: str) -> Path:
        return self._folder / path.lstrip("/")


def _end_with_parent() -> None:
    """End this process, which unmounts, once its parent has ended or the time is over."""
    parent, deadline = os.getppid(), time.monotonic() + _MAX_SECONDS
    while os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("mountpoint")
    parser.add_argument("--renames-files", action="store_true")
    parser.add_argument("--busy-writes", type=int, default=0)
    arguments = parser.parse_args()
    operations = VolumeOperations(
        arguments.folder.resolve(),
        renames_files=arguments.renames_files,
        busy_writes=arguments.busy_writes,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    mfusepy.FUSE(
        operations,
        arguments.mountpoint,
        raw_fi=True,
        foreground=True,
        nothreads=True,
        hard_remove=True,  # otherwise libfuse renames a file that is removed while it is open
        fsname="unity-catalog-volume",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
