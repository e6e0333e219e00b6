"""Rows of pixels as a table may have them: the same images, and a reason for each that is none."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from crosscloud_mnist.adapters.spark.pixel_task import read_pixels, score_pixels
from rehearsal.mnist_contract import mnist_contract

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
ROWS = IMAGES.reshape(5, 784)
SHAPE = (28, 28)


@pytest.mark.parametrize(
    "columns",
    [
        [pa.array(list(map(bytes, ROWS)))],
        [pa.array(ROWS.tolist())],
        [pa.array(ROWS.tolist(), pa.list_(pa.float32()))],
        [pa.array(ROWS.astype(np.uint8).tolist(), pa.list_(pa.int16()))],
        [pa.array(IMAGES.tolist())],
        [pa.array(column) for column in ROWS.T],
    ],
    ids=["bytes", "long", "float", "short", "nested", "columns"],
)
def test_pixels_of_every_form_are_the_same_images(columns):
    images, errors = read_pixels(columns, SHAPE)
    np.testing.assert_array_equal(images, ROWS)
    assert errors == [None] * 5
    sliced, _ = read_pixels([column.slice(2, 2) for column in columns], SHAPE)
    np.testing.assert_array_equal(sliced, ROWS[2:4])


@pytest.mark.parametrize("stored", [(3, 60), (3, 4, 15), (3, 4, 5, 3)])
def test_colour_rows_of_every_depth_are_the_same_images(stored):
    images = np.random.default_rng(0).integers(0, 256, stored).astype(np.uint8)
    found, errors = read_pixels([pa.array([*images.tolist(), None])], (4, 5, 3))
    np.testing.assert_array_equal(found[:3], images.reshape(3, 60))
    assert errors[:3] == [None] * 3
    assert "has no 60 pixels" in errors[3]


def row(*changed):
    values = [200] * 784
    for index, value in changed:
        values[index] = value
    return values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "has no 784 pixels"),
        ([], "has no 784 pixels"),
        (row()[1:], r"has no 784 pixels, expected \[784\] or \[28, 28\]"),
        ([*row(), 1], "has no 784 pixels"),
        (row((3, 256)), "not a whole number from 0 to 255"),
        (row((3, -1)), "not a whole number"),
        (row((3, 0.5)), "not a whole number"),
        (row((3, float("nan"))), "not a whole number"),
        (row((3, float("inf"))), "not a whole number"),
        (row((783, None)), "not a whole number"),
        ([0] * 783 + [1], "no pixel above 1, expected 0 to 255; do not scale"),
    ],
)
def test_a_row_that_is_no_image_has_its_reason_and_the_others_are_read(values, message):
    images, (first, error, last) = read_pixels([pa.array([row(), values, row((0, 7))])], SHAPE)
    assert first is last is None
    assert re.search(message, error)
    np.testing.assert_array_equal(images[[0, 2]], [row(), row((0, 7))])


@pytest.mark.parametrize("broken", [IMAGES[0].tolist()[1:], [[1]] * 28, None])
def test_nested_rows_of_another_shape_have_a_reason(broken):
    nested = pa.array([broken, IMAGES[1].tolist()], pa.list_(pa.list_(pa.int64())))
    images, errors = read_pixels([nested], SHAPE)
    assert "has no 784 pixels" in errors[0]
    assert errors[1] is None
    np.testing.assert_array_equal(images[1], ROWS[1])


def test_rows_get_the_columns_of_image_files(tiny_bundle, digits):
    images = digits["t10k-images-idx3-ubyte"][:150].reshape(-1, 784)
    keys = {
        "file": [f"id {index}" for index in range(151)],
        "modification_time": pa.array([0] * 151, pa.timestamp("us", "UTC")),
        "length": [5] * 151,
        "part": ["file:/table"] * 151,
    }
    batch = pa.RecordBatch.from_pydict({**keys, "pixels": [*images.tolist(), [1]]})
    (scores,) = score_pixels(iter([batch]), tiny_bundle.onnx.read_bytes(), mnist_contract())
    rows = scores.to_pylist()
    assert [each["file"] for each in rows] == keys["file"]
    for each in rows[:150]:
        assert each["predicted"] == int(np.argmax(each["probabilities"]))
        assert each["probability"] == max(each["probabilities"])
        assert each["predicted_class"] == str(each["predicted"])
        assert each["unsure"] == (each["probability"] < 0.9)
        assert len(each["digest"]) == 64
    assert rows[150]["predicted"] is rows[150]["probabilities"] is rows[150]["digest"] is None
    assert "has no 784 pixels" in rows[150]["error"]


def test_a_batch_without_any_image_is_scored(tiny_bundle):
    batch = pa.RecordBatch.from_pydict(
        {"file": ["1"], "modification_time": [0], "length": [0], "part": ["p"], "pixels": [[1]]}
    )
    (scores,) = score_pixels(iter([batch]), tiny_bundle.onnx.read_bytes(), mnist_contract())
    assert scores["error"][0].is_valid
