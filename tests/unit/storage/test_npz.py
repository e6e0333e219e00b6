"""Archives of arrays: whole numbers are read, and whatever else is inside is one line."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest

from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage import npz


@pytest.fixture
def path(tmp_path):
    return tmp_path / "digits.npz"


def test_whole_numbers_of_any_type_and_order_are_read(path):
    images = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
    np.savez_compressed(path, images=np.asfortranarray(images), labels=np.array([7, 255], ">u2"))
    found = npz.read(path)
    assert {each.dtype for each in found.values()} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(found["images"], images)
    assert found["labels"].tolist() == [7, 255]
    assert list(npz.read(path, ["labels"])) == ["labels"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([0, 256]), r"images\[1\] is 256, expected whole numbers 0 to 255"),
        (np.array([[-1]]), r"images\[0, 0\] is -1, expected"),
        (np.zeros(3), "images holds float64, expected whole numbers 0 to 255; save it as uint8"),
        (np.array(["7"]), "images holds <U1, expected whole numbers"),
        (np.array([{}], object), "images holds pickled Python objects, which could run code"),
    ],
)
def test_anything_but_whole_numbers_is_one_line(path, array, message):
    np.savez(path, images=array)
    with pytest.raises(DataError, match=message) as raised:
        npz.read(path)
    assert "\n" not in str(raised.value)


def test_an_archive_that_lacks_an_array_names_it(path):
    np.savez(path, x_train=np.zeros(1, np.uint8))
    with pytest.raises(DataError, match="holds x_train, expected x_train, y_train; save"):
        npz.read(path, ["x_train", "y_train"])


def test_arrays_are_found_by_the_shape_of_their_rows_and_others_are_not_read(path):
    images = np.zeros((2, 3, 4), np.uint8)
    np.savez(path, rows=images.reshape(2, 12), images=images, mean=np.zeros((3, 4)), ids=["a", "b"])
    assert npz.find_rows(path, [(12,), (3, 4)]) == ["rows", "images"]
    assert npz.find_rows(path, [(5,)]) == []
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        npz.find_rows(path, [(12,)])


def write_claim(path, shape, content):
    """Write an array whose header claims a shape that its content does not have."""
    header = io.BytesIO()
    description = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue() + content)


@pytest.mark.parametrize("shape", [(10,), (10**15,)])
def test_an_array_that_is_shorter_than_its_header_says_is_rejected(path, shape):
    write_claim(path, shape, b"12345")
    with pytest.raises(DataError, match="images has 5 bytes, expected 10"):
        npz.read(path)


@pytest.mark.parametrize("kept", [0, 100, -30])
def test_a_truncated_archive_is_one_line(path, kept):
    np.savez_compressed(path, images=np.zeros((9, 9), np.uint8))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="cannot be read .*expected a complete archive") as raised:
        npz.read(path)
    assert "\n" not in str(raised.value)


def test_a_pickle_is_not_loaded(path):
    path.write_bytes(pickle.dumps({"images": [1]}))
    with pytest.raises(DataError, match="not a zip file"):
        npz.read(path)


def test_a_content_that_differs_from_its_checksum_is_rejected(path):
    np.savez(path, images=np.zeros(100, np.uint8))
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="Bad CRC-32"):
        npz.read(path)


def test_an_archive_that_would_fill_the_memory_is_rejected(path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_CONTENT_BYTES", 1000)
    np.savez_compressed(path, images=np.zeros(2000, np.uint8))
    with pytest.raises(DataError, match="images has 2128 bytes, expected at most 1000"):
        npz.read(path)
