"""What one executor task does with rows of pixels: straight to the model, no search for a digit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.spark.scoring_task import SCHEMA, open_session
from crosscloud_mnist.contract import Contract, list_array_shapes

if TYPE_CHECKING:
    import pyarrow as pa

PIXELS = "pixels"  # the column of all pixels of a row
PIXEL_SCHEMA = f"{SCHEMA}, part string"
_IMAGES_PER_CALL = 64  # of the model: the activations stay in the processor's cache
_WRONG_VALUE = (
    "holds a value that is not a whole number from 0 to 255, expected only those; do not scale the "
    "pixels"
)
_SCALED = "has no pixel above 1, expected 0 to 255; do not scale the pixels"


def score_pixels(
    batches: Iterator[pa.RecordBatch], onnx: bytes, contract: Contract
) -> Iterator[pa.RecordBatch]:
    """Score rows of pixels, for ``mapInArrow``.

    Args:
        batches: ``file``, ``modification_time``, ``length`` and ``part``, then ``pixels`` (bytes, a
            list of numbers, or nested lists), or a column for each pixel, in their order.
        onnx: The graph of a verified bundle.
        contract: Its contract.

    Yields:
        Batches of ``PIXEL_SCHEMA``. A row that is no image has its reason in ``error``.
    """
    import pyarrow as pa

    session = open_session(onnx)
    for batch in batches:
        keys, pixels = batch.columns[:4], batch.columns[4:]
        images, errors = read_pixels(pixels, contract.image_shape)
        is_valid = np.array([error is None for error in errors], bool)
        chosen = images[is_valid].reshape(-1, *contract.image_shape)
        calls = [
            session.run(["probabilities"], {"images": chosen[start : start + _IMAGES_PER_CALL]})[0]
            for start in range(0, len(chosen), _IMAGES_PER_CALL)
        ]
        probabilities = np.concatenate(calls) if calls else np.empty((0, 1), np.float32)
        columns = _to_columns(probabilities, is_valid, contract)
        digests = [hashlib.sha256(image).hexdigest() for image in images]
        digest = pa.array(digests, pa.string(), mask=~is_valid)
        yield pa.RecordBatch.from_arrays(
            [*keys[:3], digest, *columns, pa.array(errors, pa.string()), keys[3]],
            names=[field.split()[0] for field in PIXEL_SCHEMA.split(", ")],
        )


def read_pixels(
    columns: Sequence[pa.Array], shape: Sequence[int]
) -> tuple[NDArray[np.uint8], list[str | None]]:
    """Return the images, uint8 [n, pixels], and for each row why it is none, or ``None``.

    Args:
        columns: One column of all pixels, or one for each pixel.
        shape: Of an image.
    """
    size = math.prod(shape)
    if len(columns) == 1:
        values, has_pixels = _flatten(columns[0], shape)
    else:
        values = np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
        has_pixels = np.ones(len(values), bool)
    images = np.zeros((len(has_pixels), size), np.uint8)
    with np.errstate(invalid="ignore"):  # what is out of range differs after the conversion
        images[has_pixels] = values.astype(np.uint8)
    is_whole = np.ones(len(images), bool)
    is_whole[has_pixels] = (images[has_pixels] == values).all(axis=1)
    is_scaled = images.max(axis=1) == 1
    missing = f"has no {size} pixels, expected [{size}] or {list(shape)}; correct the row"
    errors = np.full(len(images), None, object)
    errors[is_scaled] = _SCALED
    errors[~is_whole] = _WRONG_VALUE
    errors[~has_pixels] = missing
    return images, errors.tolist()


def _flatten(column: pa.Array, shape: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the values [rows with pixels, pixels], and which rows have them."""
    import pyarrow as pa

    size = math.prod(shape)
    if pa.types.is_binary(column.type):
        column = column.cast(pa.binary(size))
        start = column.offset * size
        content = np.frombuffer(column.buffers()[1], np.uint8)[start : start + len(column) * size]
        return content.reshape(-1, size), np.ones(len(column), bool)
    lengths = next(
        each for each in list_array_shapes(shape) if len(each) == _count_levels(column.type)
    )
    has_pixels = _have_lengths(column, lengths)
    values = column if has_pixels.all() else column.filter(pa.array(has_pixels))
    for _ in lengths:
        values = values.flatten()
    return values.to_numpy(zero_copy_only=False).reshape(-1, size), has_pixels


def _count_levels(kind: pa.DataType) -> int:
    """Return how deep the values of a list are."""
    import pyarrow as pa

    return 1 + _count_levels(kind.value_type) if pa.types.is_list(kind) else 0


def _have_lengths(column: pa.Array, lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Return which rows have exactly these numbers of values, level by level."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
    has_length: NDArray[np.bool_] = found == lengths[0]
    if len(lengths) > 1:
        inner = column.filter(pa.array(has_length)).flatten()
        has_inner = _have_lengths(inner, lengths[1:]).reshape(-1, lengths[0]).all(axis=1)
        has_length[np.flatnonzero(has_length)] = has_inner
    return has_length


def _to_columns(
    probabilities: NDArray[np.float32], is_valid: NDArray[np.bool_], contract: Contract
) -> list[pa.Array]:
    """Return ``predicted`` to ``probabilities`` of ``SCHEMA``; null where a row is no image."""
    import pyarrow as pa

    classes = probabilities.shape[1]
    predicted = np.zeros(len(is_valid), np.int32)
    probability = np.zeros(len(is_valid), np.float32)
    predicted[is_valid] = probabilities.argmax(axis=1)
    probability[is_valid] = probabilities.max(axis=1)
    offsets = np.concatenate([[0], np.cumsum(is_valid * classes)]).astype(np.int32)
    return [
        pa.array(predicted, mask=~is_valid),
        pa.array(np.array(contract.classes, object)[predicted], pa.string(), mask=~is_valid),
        pa.array(probability, mask=~is_valid),
        pa.array(probability < contract.min_probability, mask=~is_valid),
        pa.ListArray.from_arrays(offsets, probabilities.ravel(), mask=pa.array(~is_valid)),
    ]
