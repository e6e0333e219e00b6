"""Arrays of unsigned bytes from a NumPy archive (``.npz``), without unpickling anything.

The format is the one of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: a
zip archive with a ``.npy`` file for each array.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage.idx import MAX_CONTENT_BYTES

MAGIC = b"PK\x03\x04"  # of a zip archive
_SUFFIX = ".npy"
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_HEADER_BYTES = 2**16
_INTEGER_KINDS = "iu"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)


def read(path: Path, names: Collection[str] | None = None) -> Mapping[str, NDArray[np.uint8]]:
    """Return arrays of the archive by name.

    Args:
        path: The archive.
        names: The arrays to read; ``None`` reads every array.

    Raises:
        DataError: The archive is broken, lacks an array, is too large, or an array holds anything
            but whole numbers from 0 to 255.
        OSError: The file cannot be read.
    """
    with _open(path) as (archive, members):
        missing = sorted(set(names or ()) - set(members))
        if missing or not members:
            raise DataError(
                f"{path}: holds {', '.join(sorted(members)) or 'no array'}, expected "
                f"{', '.join(names or ['arrays'])}; save them with numpy.savez"
            )
        return {
            name: _read_member(archive, members[name], f"{path}: {name}")
            for name in names or members
        }


def find_rows(path: Path, shapes: Collection[tuple[int, ...]]) -> list[str]:
    """Return the names of the arrays whose rows have one of the shapes; only headers are read.

    Raises:
        DataError: The archive is broken.
        OSError: The file cannot be read.
    """
    found = []
    with _open(path) as (archive, members):
        for name, member in members.items():
            with archive.open(member) as file:
                shape, _, _ = _read_header(file, f"{path}: {name}")
            if shape[1:] in shapes:
                found.append(name)
    return found


@contextmanager
def _open(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Yield the archive, and its members by the names of the arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield (
                archive,
                {
                    member.filename.removesuffix(_SUFFIX): member
                    for member in archive.infolist()
                    if member.filename.endswith(_SUFFIX)
                },
            )
    except _BROKEN as error:
        raise DataError(
            f"{path}: cannot be read ({error}), expected a complete archive of numpy.savez; fetch "
            "or save the file again"
        ) from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> NDArray[np.uint8]:
    if member.file_size > MAX_CONTENT_BYTES:
        raise DataError(
            f"{name} has {member.file_size} bytes, expected at most {MAX_CONTENT_BYTES}; split it"
        )
    with archive.open(member) as file:
        shape, is_fortran, dtype = _read_header(file, name)
        if dtype.hasobject:
            raise DataError(
                f"{name} holds pickled Python objects, which could run code and are never read, "
                "expected whole numbers 0 to 255; save it as uint8"
            )
        if dtype.kind not in _INTEGER_KINDS:
            raise DataError(
                f"{name} holds {dtype}, expected whole numbers 0 to 255; save it as uint8, not "
                "scaled"
            )
        expected = math.prod(shape) * dtype.itemsize
        content = file.read(MAX_CONTENT_BYTES)
    if len(content) != expected:
        raise DataError(
            f"{name} has {len(content)} bytes, expected {expected} as its header says; fetch or "
            "save the file again"
        )
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C")
    return _to_bytes(array, name)


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in _HEADER_READERS:
        raise DataError(
            f"{name} has the format version {version}, expected 1.0 or 2.0; save it as uint8 with "
            "numpy.savez"
        )
    shape, is_fortran, dtype = _HEADER_READERS[version](file, max_header_size=_MAX_HEADER_BYTES)
    return shape, is_fortran, dtype


def _to_bytes(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 and array.size:
        for extreme in (array.argmin(), array.argmax()):
            value = array.flat[extreme]
            if not 0 <= value <= 255:
                position = ", ".join(map(str, np.unravel_index(extreme, array.shape)))
                raise DataError(
                    f"{name}[{position}] is {value}, expected whole numbers 0 to 255; correct the "
                    "array"
                )
    return np.ascontiguousarray(array, dtype=np.uint8)
