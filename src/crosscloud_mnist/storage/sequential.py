"""Files that are written from front to back: the one kind of write that every storage takes.

A Unity Catalog volume is object storage behind a file interface. It rejects appending and writing
at another position than the end
(https://docs.databricks.com/aws/en/volumes/volume-files#limitations-of-working-with-files-in-volumes).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_RETRY_DELAYS_SECONDS = (0.1, 0.5, 2.0, 5.0)


def copy(source: BinaryIO, path: Path) -> None:
    """Write a file with the content of ``source``; it replaces the one that exists.

    Where the storage is busy, the file is written again from its first byte: how much of it an
    earlier attempt stored is not known.

    Args:
        source: An open file that can be read again from its start.
        path: In a folder that exists.

    Raises:
        OSError: The storage is full, absent, or busy for too long.
    """

    def write() -> None:
        source.seek(0)
        with path.open("wb") as file:
            while chunk := source.read(_CHUNK_BYTES):
                file.write(chunk)

    retry_busy(write)


def retry_busy(action: Callable[[], object]) -> None:
    """Call ``action``, again after a delay while the storage is busy (``EAGAIN``).

    Raises:
        OSError: Another error, or the storage is busy for about 8 s.
    """
    for delay in _RETRY_DELAYS_SECONDS:
        try:
            action()
        except BlockingIOError:
            time.sleep(delay)
        else:
            return
    action()
