"""IDX bytes to arrays and back: the format of the MNIST files.

The format is the one of http://yann.lecun.com/exdb/mnist/: two zero bytes, a type code (8 =
unsigned byte), the number of dimensions, each dimension as a big-endian uint32, then the values in
C order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import IdxError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 8


def header_bytes(dimensions: int) -> int:
    """Return how long the header of an IDX file is."""
    return 4 + 4 * dimensions


def encode_header(*shape: int) -> bytes:
    """Return the header of an IDX file of unsigned bytes of that shape."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, _UNSIGNED_BYTE, len(shape), *shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """Return the array, of uint8 and any shape, as the bytes of an IDX file."""
    return encode_header(*array.shape) + np.ascontiguousarray(array, dtype=np.uint8).tobytes()


def decode(content: bytes, name: str) -> NDArray[np.uint8]:
    """Return the array, uint8, that the bytes of an IDX file hold.

    Args:
        content: The uncompressed file.
        name: What to call the file in an error.

    Raises:
        IdxError: The magic number is not that of unsigned bytes, or the length is not what the
            header says.
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise IdxError(
            f"{name}: starts with {content[:4].hex(' ') or 'nothing'}, expected an IDX file of "
            "unsigned bytes (00 00 08 and the number of dimensions); fetch the file again"
        )
    start = header_bytes(content[3])
    if len(content) < start:
        raise IdxError(
            f"{name}: ends within its header after {len(content)} bytes, expected {start}; "
            "fetch the file again"
        )
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    found, expected = len(content) - start, math.prod(shape)
    if found != expected:
        raise IdxError(
            f"{name}: holds {found} values, expected {expected} as its header says "
            f"({' x '.join(map(str, shape))}); fetch the file again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def decompress(content: bytes, name: str) -> bytes:
    """Return the content, unpacked where it is gzip.

    Args:
        content: A plain or gzip-compressed file.
        name: What to call the file in an error.

    Raises:
        IdxError: The gzip stream is truncated or corrupted.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise IdxError(
            f"{name}: the gzip stream is broken after {len(content)} bytes ({error}), expected a "
            "whole one; fetch the file again"
        ) from error
