"""A log file that is readable by its owner alone, and stays below a size."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

MAX_LOG_BYTES = 16 * 2**20


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending, unbuffered; create it with mode 0600."""
    return open(path, "ab", buffering=0, opener=_open_private)


def rotate_in_place(path: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
    """Move a log's lines to ``<name>.1``, which is replaced, once the log is too large.

    The file is copied and emptied, not renamed: other processes have it open for appending and go
    on at its new end. Lines that are written between the two steps are lost; where the disk is
    full, all are.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size <= max_bytes:
            return
        previous = path.with_name(f"{path.name}.1")
        previous.unlink(missing_ok=True)
        try:
            with path.open("rb") as source, open_log(previous) as target:
                shutil.copyfileobj(source, target)
        except OSError:
            previous.unlink(missing_ok=True)
        os.truncate(path, 0)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
