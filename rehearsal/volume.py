"""Storage that behaves as a Unity Catalog volume.

Where the machine has FUSE, a file system enforces the limits for every process: see
``rehearsal.volume_server``. Elsewhere, a check in every Python process does it for Python's own
file functions: see ``rehearsal/volume_check/sitecustomize.py``. It does not see the writes of
Spark's JVM and of C++ libraries.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

Enforcement = Literal["fuse", "python"]

_PROJECT = Path(__file__).parents[1]
_START_SECONDS = 30
_STOP_SECONDS = 15


@dataclass(frozen=True)
class Volume:
    """Storage that behaves as a volume.

    Attributes:
        path: Its folder.
        enforcement: What enforces the limits: ``fuse``, or ``python`` where there is no FUSE;
            ``None``: nothing does, it is a plain folder.
        variables: Environment variables of every process that writes to it.
    """

    path: Path
    enforcement: Enforcement | None
    variables: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        """Return what enforces the limits, as one line."""
        if self.enforcement is None:
            return f"{self.path} is a plain folder"
        if self.enforcement == "fuse":
            return f"{self.path} is a FUSE file system with the limits of a volume"
        return f"{self.path} has a volume's limits for Python's file functions: there is no FUSE"


@contextmanager
def mounted(
    folder: Path,
    *,
    renames_files: bool = False,
    busy_writes: int = 0,
    enforcement: Enforcement | None = None,
) -> Iterator[Volume]:
    """Give the volume over a folder for the block; the files stay in the folder after it.

    Args:
        folder: Where the files are; created if it does not exist.
        renames_files: Whether a file may be renamed; a folder never may.
        busy_writes: How many writes are first answered by ``EAGAIN``; without FUSE, in each
            process.
        enforcement: ``None`` takes FUSE where it works.

    Raises:
        RuntimeError: FUSE is demanded and does not work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if enforcement == "python" or (enforcement is None and not has_fuse()):
        yield _checked(folder, renames_files=renames_files, busy_writes=busy_writes)
        return
    # Outside the folder: whoever removes that after an interruption does not meet a dead mount.
    mountpoint = Path(tempfile.mkdtemp(prefix="mnist-volume-"))
    options = ["--renames-files"] if renames_files else []
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "rehearsal.volume_server", str(folder), str(mountpoint)),
            *("--busy-writes", str(busy_writes), *options),
        ],
        cwd=_PROJECT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C must not unmount what other processes still write to
    )
    try:
        _await_mount(mountpoint, server)
        yield Volume(mountpoint, "fuse")
    finally:
        _unmount(mountpoint, server)


@cache
def has_fuse() -> bool:
    """Return whether this machine can mount a FUSE file system; it is tried once."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with mounted(Path(folder), enforcement="fuse"):
                return True
        except RuntimeError:
            return False


def enforcements() -> tuple[Enforcement, ...]:
    """Return what can enforce the limits on this machine."""
    return ("fuse", "python") if has_fuse() else ("python",)


def _checked(folder: Path, *, renames_files: bool, busy_writes: int) -> Volume:
    return Volume(
        folder,
        "python",
        {
            "PYTHONPATH": str(_PROJECT / "rehearsal" / "volume_check"),
            "REHEARSAL_VOLUME": str(folder.resolve()),
            "REHEARSAL_VOLUME_RENAMES_FILES": "1" if renames_files else "",
            "REHEARSAL_VOLUME_BUSY_WRITES": str(busy_writes),
        },
    )


def _await_mount(mountpoint: Path, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not mountpoint.is_mount():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            lines = server.communicate()[1].splitlines() or ["no reason given"]
            raise RuntimeError(
                f"no FUSE file system could be mounted ({lines[-1]}), expected /dev/fuse and the "
                "package fuse3; install it, or let Python enforce the limits"
            )
        time.sleep(0.02)


def _unmount(mountpoint: Path, server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stderr:
        server.stderr.close()
    # Only a server that was killed leaves the mount behind.
    if fusermount := shutil.which("fusermount3"):
        subprocess.run([fusermount, "-uz", str(mountpoint)], stderr=subprocess.DEVNULL, check=False)
    mountpoint.rmdir()
