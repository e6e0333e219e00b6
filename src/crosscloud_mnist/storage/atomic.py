"""Files of which a reader sees the complete content or none.

A file is written under a temporary name and renamed. Storage without ``rename``, which some Unity
Catalog volumes are (https://github.com/earth-mover/icechunk/issues/2341), has the file written in
place instead; while it is written, a marker beside it says that it is incomplete:

    epoch-0001.json
    .epoch-0001.json.incomplete

The marker is created before the file and removed after it. So a file is complete if it exists and
has no marker, on either kind of storage.
"""

from __future__ import annotations

import errno
import io
import tempfile
import uuid
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from crosscloud_mnist.storage import sequential

_NO_RENAME = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_MARKER_CONTENT = b"The file is being written, or its writer was interrupted.\n"

_devices_without_rename: set[int] = set()  # so that only the first file is written twice


def write_bytes(path: Path, content: bytes) -> None:
    """Write the file; it replaces the one that exists.

    Raises:
        OSError: The storage is full or absent.
    """
    _write(path, io.BytesIO(content))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that does not fit in memory; it is collected on local disk first.

    Raises:
        OSError: The storage is full or absent.
    """
    with tempfile.TemporaryFile() as local:
        local.writelines(chunks)
        _write(path, local)


def read_bytes(path: Path) -> bytes:
    """Return the content of a complete file.

    Raises:
        FileNotFoundError: There is none: also where its writer is at work or was interrupted.
        OSError: It cannot be read.
    """
    _check_complete(path)
    content = path.read_bytes()
    _check_complete(path)  # a writer may have begun since
    return content


def is_complete(path: Path) -> bool:
    """Return whether there is a complete file."""
    return path.is_file() and not _marker(path).exists()


def find(folder: Path, pattern: str) -> list[Path]:
    """Return the complete files of a folder whose names match, sorted."""
    return sorted(path for path in folder.glob(pattern) if not _marker(path).exists())


def remove(folder: Path, pattern: str) -> None:
    """Remove the files of a folder whose names match, and what interrupted writers left of them."""
    for path in (*folder.glob(pattern), *folder.glob(f".{pattern}.*")):
        path.unlink(missing_ok=True)


def _write(path: Path, source: BinaryIO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    device = path.parent.stat().st_dev
    if device not in _devices_without_rename:
        if _write_and_rename(path, source):
            return
        _devices_without_rename.add(device)
    _write_in_place(path, source)


def _write_and_rename(path: Path, source: BinaryIO) -> bool:
    """Write a temporary file and rename it; return whether the storage can rename."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        sequential.copy(source, temporary)
        try:
            sequential.retry_busy(partial(temporary.replace, path))
        except OSError as error:
            if error.errno not in _NO_RENAME:
                raise
            return False
        # Of a writer that was interrupted, on storage that could not rename then.
        _marker(path).unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _write_in_place(path: Path, source: BinaryIO) -> None:
    marker = _marker(path)
    sequential.copy(io.BytesIO(_MARKER_CONTENT), marker)
    sequential.copy(source, path)
    marker.unlink(missing_ok=True)


def _marker(path: Path) -> Path:
    return path.with_name(f".{path.name}.incomplete")


def _check_complete(path: Path) -> None:
    if _marker(path).exists():
        raise FileNotFoundError(
            errno.ENOENT, "Not complete: its writer is at work or was interrupted", str(path)
        )
