"""Folders of which a reader sees all files or none.

A folder is not renamed: object storage has no such step. It is built on local disk, then copied
file by file. One of its files is its marker: removed first, written last. A folder without its
marker is incomplete, and counts as absent.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from crosscloud_mnist.storage import sequential


def replace(source: Path, target: Path, marker: str) -> None:
    """Replace a folder by a copy of another; times and permissions are not copied.

    Args:
        source: The folder to copy, on local disk.
        target: Its copy; what it held is removed.
        marker: Name of the file in ``source`` that is written last.

    Raises:
        OSError: The storage is full or absent.
    """
    (target / marker).unlink(missing_ok=True)
    if target.exists():
        shutil.rmtree(target)
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path == source / marker):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as file:
            sequential.copy(file, copy)
