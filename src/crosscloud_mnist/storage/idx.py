"""IDX bytes to arrays and back: the format of the MNIST files.

The format is the one of http://yann.lecun.com/exdb/mnist/: two zero bytes, a type code (8 =
unsigned byte), the number of dimensions, each dimension as a big-endian uint32, then the values in
C order.
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import IdxError

MAX_CONTENT_BYTES = 2**31  # of an uncompressed file; MNIST's largest has 47 million
_MAX_DIMENSIONS = 4  # images with channels
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # a gzip header, as zlib counts
_UNSIGNED_BYTE = 8
_TYPES = b"\x08\x09\x0b\x0c\x0d\x0e"  # bytes, short, int, float and double


def is_idx(start: bytes) -> bool:
    """Return whether a file is of this format, of whatever type.

    Args:
        start: Its first four bytes.
    """
    return len(start) == 4 and start.startswith(b"\0\0") and start[2] in _TYPES and start[3] > 0


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
        IdxError: The file is not of unsigned bytes, has too many dimensions or values, or its
            length is not what the header says.
    """
    shape = _decode_header(content, name)
    start = header_bytes(len(shape))
    found, expected = len(content) - start, math.prod(shape)
    if found != expected:
        raise IdxError(
            f"{name}: holds {found} values, expected {expected} as its header says "
            f"({_format_shape(shape)}); fetch the file again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def decompress(content: bytes, name: str) -> bytes:
    """Return the content, decompressed if it is gzip; never more than its IDX header announces.

    Args:
        content: A plain or gzip-compressed IDX file.
        name: What to call the file in an error.

    Raises:
        IdxError: The gzip stream is truncated or corrupted, is no IDX file, or holds more than
            the header announces.
    """
    if not content.startswith(_GZIP_MAGIC):
        return content
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        header = stream.decompress(content, header_bytes(_MAX_DIMENSIONS))
        shape = _decode_header(header, name)
        size = header_bytes(len(shape)) + math.prod(shape)
        # One byte more shows whether there is more. A max_length of 0 would mean no limit.
        rest = stream.decompress(stream.unconsumed_tail, max(1, size + 1 - len(header)))
    except zlib.error as error:
        raise IdxError(
            f"{name}: the gzip stream is broken ({error}), expected a complete one; fetch the "
            "file again"
        ) from error
    if len(header) + len(rest) > size:
        raise IdxError(
            f"{name}: the gzip stream holds more than the {size} bytes that its header announces "
            f"({_format_shape(shape)}), expected no more; fetch the file again"
        )
    if not stream.eof:
        raise IdxError(
            f"{name}: the gzip stream is broken after {len(content)} bytes, expected a complete "
            "one; fetch the file again"
        )
    return header + rest


def _decode_header(content: bytes, name: str) -> tuple[int, ...]:
    """Return the shape that the first bytes of an IDX file announce."""
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise IdxError(
            f"{name}: starts with {content[:4].hex(' ') or 'nothing'}, expected an IDX file of "
            "unsigned bytes (00 00 08 and the number of dimensions); fetch the file again"
        )
    dimensions = content[3]
    if dimensions > _MAX_DIMENSIONS:
        raise IdxError(
            f"{name}: has {dimensions} dimensions, expected at most {_MAX_DIMENSIONS}; fetch the "
            "file again"
        )
    end = header_bytes(dimensions)
    if len(content) < end:
        raise IdxError(
            f"{name}: ends within its header after {len(content)} bytes, expected {end}; "
            "fetch the file again"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:end])
    # A dimension of 0 must not hide the others, which NumPy could not handle.
    if math.prod(max(1, size) for size in shape) > MAX_CONTENT_BYTES:
        raise IdxError(
            f"{name}: announces {_format_shape(shape)} values, expected at most "
            f"{MAX_CONTENT_BYTES}; fetch the file again, or split it"
        )
    return shape


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
