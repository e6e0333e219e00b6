"""Files of pixels: which are recognized, what is read of each, and what a broken one says."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from crosscloud_mnist.adapters.spark.pixel_source import is_pixel_file, read_file
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage import idx

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
ROWS = IMAGES.reshape(3, 784)
SHAPE = (28, 28)


def write_csv(path):
    header = ",".join(["ImageId", *(f"pixel{index}" for index in range(784))])
    rows = np.column_stack([[7, 8, 9], ROWS])
    np.savetxt(path, rows, "%d", delimiter=",", header=header, comments="")


WRITERS = {
    "t10k-images-idx3-ubyte": lambda path: path.write_bytes(idx.encode(IMAGES)),
    "images.idx3-ubyte": lambda path: path.write_bytes(idx.encode(IMAGES)),
    "t10k-images-idx3-ubyte.gz": lambda path: path.write_bytes(gzip.compress(idx.encode(IMAGES))),
    "images.npz": lambda path: np.savez_compressed(path, images=IMAGES, labels=IMAGES[:, 0, 0]),
    "flat.npz": lambda path: np.savez(path, ROWS),
    "test.CSV": write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_each_form_is_recognized_and_read(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    assert is_pixel_file(path)
    (array,) = read_file(path, SHAPE)
    np.testing.assert_array_equal(array.pixels, ROWS)
    assert array.name.startswith(f"file:{path}")
    assert array.ids == (["7", "8", "9"] if path.suffix == ".CSV" else None)


def test_every_array_of_images_counts(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=IMAGES[:, 0, 0], x_test=IMAGES[:1])
    names = {array.name: len(array.pixels) for array in read_file(tmp_path / "a.npz", SHAPE)}
    assert names == {f"file:{tmp_path}/a.npz#x_train": 3, f"file:{tmp_path}/a.npz#x_test": 1}


def test_arrays_that_are_no_images_do_not_matter(tmp_path):
    others = {"mean": IMAGES.mean(axis=0), "names": np.array(["a", "b", "c"], object)}
    np.savez(tmp_path / "a.npz", images=IMAGES, **others)
    (array,) = read_file(tmp_path / "a.npz", SHAPE)
    np.testing.assert_array_equal(array.pixels, ROWS)


@pytest.mark.parametrize("stored", [(2, 4, 15), (2, 4, 5, 3), (2, 60)])
def test_colour_images_are_read_in_every_shape_that_ingestion_takes(tmp_path, stored):
    images = np.random.default_rng(0).integers(0, 256, stored).astype(np.uint8)
    (tmp_path / "images-idx3-ubyte").write_bytes(idx.encode(images))
    (array,) = read_file(tmp_path / "images-idx3-ubyte", (4, 5, 3))
    np.testing.assert_array_equal(array.pixels, images.reshape(2, 60))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_an_image_is_no_file_of_pixels(tmp_path, name):
    Image.fromarray(IMAGES[0]).save(tmp_path / name)
    assert not is_pixel_file(tmp_path / name)
    assert not is_pixel_file(tmp_path)


def save(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def csv_row(row):
    return f"{','.join(f'pixel{index}' for index in range(784))}\n{row}\n".encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "labels",
            idx.encode(IMAGES[:, 0, 0]),
            r"shape \[3\], expected images \[n, 784\]",
        ),
        ("images", idx.encode(IMAGES)[:-1], "holds 2351 values, expected 2352"),
        ("images", idx.encode(IMAGES[:, :5]), r"shape \[3, 5, 28\], expected"),
        ("images.gz", gzip.compress(idx.encode(IMAGES))[:-9], "gzip stream is broken"),
        ("images", b"\0\0\x0d\x03" + bytes(12), "starts with 00 00 0d 03, expected an IDX file of"),
        ("images.npz", b"PK\x03\x04", "cannot be read"),
        ("images.npz", save(images=IMAGES / 255), "images holds float64, expected whole numbers"),
        ("images.npz", save(images=np.array([{}, {}])), "images holds pickled Python objects"),
        ("images.npz", save(images=IMAGES)[:-30], "cannot be read"),
        ("images.npz", save(images=IMAGES[:, 1:]), r"shape \[3, 27, 28\], expected images"),
        ("test.csv", csv_row("0," * 783 + "256"), "column pixel783: Row #2: .*'256'"),
        ("test.csv", csv_row("0," * 783 + "dark"), "Row #2: .*'dark'"),
        ("test.csv", csv_row("0," * 782 + "0"), "Row #2: Expected 784 columns, got 783"),
        ("empty", idx.encode(IMAGES[:0]), r"shape \[0, 28, 28\]"),
        ("test.csv", b"pixel0,pixel1\n1,2\n", "has no column pixel2 and 781 more"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    assert is_pixel_file(path)
    with pytest.raises(DataError, match=message) as raised:
        read_file(path, SHAPE)
    assert "\n" not in str(raised.value)
