"""Files that are written atomically."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write the file, so that a reader sees the old content or the new, never a part.

    The content goes to a temporary file in the same folder, which is then renamed: POSIX
    ``rename`` replaces a file atomically.

    Raises:
        OSError: The storage is full or absent.
    """
    write_chunks(path, (content,))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that does not fit in memory, chunk by chunk, as ``write_bytes`` does.

    Raises:
        OSError: The storage is full or absent.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
