from __future__ import annotations

import gzip

import numpy as np
import pytest

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx

PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def test_an_array_comes_back_as_it_was() -> None:
    np.testing.assert_array_equal(idx.decode(idx.encode(PICTURES), "it"), PICTURES)


def test_the_header_is_that_of_the_published_files() -> None:
    header = idx.encode(np.zeros((60000, 28, 28), np.uint8))[:16]
    assert header.hex() == "00000803" + "0000ea60" + "0000001c" + "0000001c"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "starts with nothing"),
        (b"PK\x03\x04", "starts with 50 4b 03 04"),
        (idx.encode(PICTURES)[:9], "ends within its header after 9 bytes, expected 16"),
        (idx.encode(PICTURES)[:-1], r"holds 23 values, expected 24 .*2 x 3 x 4"),
        (idx.encode(PICTURES) + b"\0", "holds 25 values, expected 24"),
    ],
)
def test_a_broken_file_is_named_with_what_was_found(content: bytes, complaint: str) -> None:
    with pytest.raises(IdxError, match=f"^some-file: {complaint}"):
        idx.decode(content, "some-file")


def test_gzip_is_unpacked_and_plain_is_left_alone() -> None:
    assert idx.decompress(gzip.compress(b"\0\0\x08"), "it") == b"\0\0\x08"
    assert idx.decompress(b"\0\0\x08", "it") == b"\0\0\x08"


def test_a_truncated_gzip_stream_is_refused() -> None:
    with pytest.raises(IdxError, match="^it: the gzip stream is broken"):
        idx.decompress(gzip.compress(idx.encode(PICTURES))[:-12], "it")
