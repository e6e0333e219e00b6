from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("array", [IMAGES, IMAGES.reshape(1, 2, 4, 3)], ids=["gray", "colour"])
def test_an_array_comes_back_as_it_was(array: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(idx.decode(idx.encode(array), "it"), array)


def test_values_of_another_type_are_written_as_bytes() -> None:
    assert idx.encode(np.arange(3)) == idx.encode(np.arange(3, dtype=np.uint8))


def test_the_header_is_that_of_the_published_files() -> None:
    header = idx.encode(np.zeros((60000, 28, 28), np.uint8))[:16]
    assert header.hex() == "00000803" + "0000ea60" + "0000001c" + "0000001c"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\0\0\x08\x01", True),  # labels
        (b"\0\0\x08\x03", True),
        (b"\0\0\x0d\x03", True),  # of floats
        (b"\0\0\x0c\x00", False),
        (b"\0\0\x01\x00", False),  # an icon
        (b"\x89PNG", False),
        (b"\0\0\x08", False),
    ],
)
def test_a_file_of_the_format_is_told_by_its_start(start: bytes, expected: bool) -> None:
    assert idx.is_idx(start) is expected


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "starts with nothing"),
        (b"PK\x03\x04\x05", "starts with 50 4b 03 04, expected an IDX file of unsigned bytes"),
        (idx.encode(IMAGES)[:4], "ends within its header after 4 bytes, expected 16"),
        (idx.encode(IMAGES)[:9], "ends within its header after 9 bytes, expected 16"),
        (idx.encode(IMAGES)[:-1], r"holds 23 values, expected 24 .*2 x 3 x 4"),
        (idx.encode(IMAGES) + b"\0", "holds 25 values, expected 24"),
        (idx.encode_header(2**31, 1), "holds 0 values, expected 2147483648"),  # the largest size
    ],
)
def test_a_broken_file_is_named_with_what_was_found(content: bytes, complaint: str) -> None:
    with pytest.raises(IdxError, match=f"^some-file: {complaint}.*; fetch the file again$"):
        idx.decode(content, "some-file")


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (
            idx.encode_header(2**32 - 1, 2**32 - 1),
            "announces 4294967295 x 4294967295 values, .*; fetch the file again, or split it",
        ),
        (idx.encode_header(0, 2**32 - 1), "announces 0 x 4294967295 values, expected at most .*"),
        (
            bytes((0, 0, 8, 200)) + bytes(800),
            "has 200 dimensions, expected at most 4; fetch the file again",
        ),
    ],
)
def test_absurd_dimensions_are_rejected(header: bytes, complaint: str) -> None:
    with pytest.raises(IdxError, match=f"^it: {complaint}$"):
        idx.decode(header, "it")
    with pytest.raises(IdxError, match=f"^it: {complaint}$"):
        idx.decompress(gzip.compress(header), "it")


@pytest.mark.parametrize("array", [IMAGES, np.arange(3, dtype=np.uint8), np.zeros(0, np.uint8)])
def test_gzip_is_decompressed_and_plain_is_left_alone(array: NDArray[np.uint8]) -> None:
    content = idx.encode(array)
    assert idx.decompress(gzip.compress(content), "it") == content
    assert idx.decompress(content, "it") == content


@pytest.mark.parametrize("cut", [1, 12, 30])
def test_a_truncated_gzip_stream_is_rejected(cut: int) -> None:
    compressed = gzip.compress(idx.encode(IMAGES))
    with pytest.raises(IdxError, match="^it: .*; fetch the file again$"):
        idx.decompress(compressed[:-cut], "it")


def test_a_corrupted_gzip_stream_is_rejected() -> None:
    compressed = bytearray(gzip.compress(idx.encode(IMAGES)))
    compressed[-8] ^= 1  # of the checksum
    with pytest.raises(IdxError, match="^it: the gzip stream is broken .*; fetch the file again$"):
        idx.decompress(bytes(compressed), "it")


def test_gzip_is_decompressed_no_further_than_the_header_announces() -> None:
    bomb = gzip.compress(idx.encode_header(10, 28, 28) + bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(IdxError, match="holds more than the 7856 bytes that its header"):
            idx.decompress(bomb, "it")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
