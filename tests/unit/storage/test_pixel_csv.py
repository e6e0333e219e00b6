"""Pixels as CSV: the columns by name, and every broken row named."""

from __future__ import annotations

import numpy as np
import pytest

from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage import pixel_csv

HEADER = "label,pixel0,pixel1,pixel2,pixel3"


@pytest.fixture
def write(tmp_path):
    def write_lines(*lines):
        path = tmp_path / "train.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_lines


def test_columns_are_read_by_name_in_any_order(write):
    path = write("pixel3,label,pixel0,note,pixel2,pixel1", "4,7,1,x,3,2", "255,0,0,y,0,0")
    images, labels = pixel_csv.read_labelled(path)
    np.testing.assert_array_equal(images, [[1, 2, 3, 4], [0, 0, 0, 255]])
    assert (images.dtype, labels.dtype, labels.tolist()) == (np.uint8, np.uint8, [7, 0])


def test_a_byte_order_mark_quotes_and_carriage_returns_are_accepted(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b'\xef\xbb\xbf"label","pixel0"\r\n"3","9"\r\n')
    images, labels = pixel_csv.read_labelled(path)
    assert (images.tolist(), labels.tolist()) == ([[9]], [3])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, "7,1,2,3,256"], "column pixel3: Row #2: CSV conversion error to uint8: .*'256'"),
        ([HEADER, "7,1,2,3,4", "7,1,2,3,-1"], "Row #3: .*'-1'"),
        ([HEADER, "7,1,2,3,four"], "Row #2: .*'four'"),
        ([HEADER, "7,1,2,3,"], "Row #2: .*''"),
        ([HEADER, "7,1,2,3,0.5"], "Row #2: .*'0.5'"),
        ([HEADER, "7,1,2,3"], "Row #2: Expected 5 columns, got 4"),
        ([HEADER, "7,1,2,3,4,5"], "Row #2: Expected 5 columns, got 6"),
        ([HEADER], "has no rows"),
        (
            [HEADER.replace("pixel2", "pixel4"), "7,1,2,3,4"],
            "has no column pixel2, expected pixel0",
        ),
        (["label,note", "7,a"], "has no column pixel0, expected pixel0 to"),
        ([HEADER[6:], "1,2,3,4"], "has no column label, .*test.csv has no labels"),
        ([f"{HEADER},pixel0", "7,1,2,3,4,5"], "names the column pixel0 twice"),
        (["\0\0\0"], "has no column label"),
    ],
)
def test_a_broken_file_is_one_line(write, lines, message):
    with pytest.raises(DataError, match=message) as raised:
        pixel_csv.read_labelled(write(*lines))
    assert "\n" not in str(raised.value)
    assert str(raised.value).count("expected") >= 1


def test_a_file_without_text_is_one_line(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="its first line is no text"):
        pixel_csv.read_labelled(path)


def test_a_file_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr(pixel_csv, "_MAX_FILE_BYTES", 20)
    with pytest.raises(DataError, match="has 44 bytes, expected at most 20; split it"):
        pixel_csv.read_labelled(write(HEADER, "7,1,2,3,4"))


def test_ids_are_kept_as_text(write):
    path = write("ImageId,pixel0", "007,1", "8,2")
    images, ids = pixel_csv.read_images(path, 1, "ImageId")
    assert (images.tolist(), ids) == ([[1], [2]], ["007", "8"])
