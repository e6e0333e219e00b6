"""The names and headers of shards: a data set as numbered pairs of IDX files.

A set of 8 shards is ``00000-of-00008-images-idx3-ubyte``, ``00000-of-00008-labels-idx1-ubyte`` and
on to ``00007-of-00008-...``. The suffixes are those of MNIST's own files. A colour image
is stored as rows of width x 3 values, so that every file of images has three dimensions.
"""

from __future__ import annotations

import math
from pathlib import Path

from crosscloud_mnist.contract import format_shape
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import atomic, idx

IMAGES_SUFFIX, LABELS_SUFFIX = "-images-idx3-ubyte", "-labels-idx1-ubyte"
IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES = idx.header_bytes(3), idx.header_bytes(1)
_MAX_COUNT = 2**32 - 1  # what a dimension of the header can hold


def shard_paths(folder: Path, index: int, shards: int) -> tuple[Path, Path]:
    """Return the files of images and labels of shard ``index``, from 0, of ``shards``."""
    stem = f"{index:05d}-of-{shards:05d}"
    return folder / f"{stem}{IMAGES_SUFFIX}", folder / f"{stem}{LABELS_SUFFIX}"


def remove_shards(folder: Path) -> None:
    """Remove every shard in a folder."""
    atomic.remove(folder, "*-of-*-idx?-ubyte")


def images_header(count: int, image_shape: tuple[int, ...]) -> bytes:
    """Return the header of an IDX file of ``count`` images of that shape."""
    return idx.encode_header(count, image_shape[0], math.prod(image_shape[1:]))


def labels_header(count: int) -> bytes:
    """Return the header of an IDX file of ``count`` labels."""
    return idx.encode_header(count)


def read_pair_size(images: Path, labels: Path, image_shape: tuple[int, ...], remedy: str) -> int:
    """Return how many images a pair of files has, if they are as long as their headers say.

    Args:
        images: An uncompressed IDX file of images.
        labels: The one of their labels.
        image_shape: Of the images, as the contract has it.
        remedy: What a user can do about a broken pair; the end of the error's message.

    Raises:
        IdxError: They are not, or cannot be read.
    """
    try:
        with images.open("rb") as images_file, labels.open("rb") as labels_file:
            headers = (
                images_file.read(IMAGES_HEADER_BYTES),
                labels_file.read(LABELS_HEADER_BYTES),
            )
        pixel_count = images.stat().st_size - IMAGES_HEADER_BYTES
        label_count = labels.stat().st_size - LABELS_HEADER_BYTES
    except OSError as error:
        raise IdxError(
            f"{error.filename}: {error.strerror}, expected a readable pair of files of images and "
            f"labels; {remedy}"
        ) from error
    is_consistent = (
        0 <= label_count <= _MAX_COUNT
        and headers == (images_header(label_count, image_shape), labels_header(label_count))
        and pixel_count == label_count * math.prod(image_shape)
    )
    if not is_consistent:
        raise IdxError(
            f"{images}: {pixel_count} bytes of images and {label_count} labels, expected IDX "
            f"files of equally many images of {format_shape(image_shape)} and labels; {remedy}"
        )
    return label_count
