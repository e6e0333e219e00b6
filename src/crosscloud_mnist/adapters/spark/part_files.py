"""A part to ingest: ``<name>-images-idx3-ubyte`` and ``<name>-labels-idx1-ubyte``, uncompressed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage.shard_layout import (
    IMAGES_HEADER_BYTES,
    IMAGES_SUFFIX,
    LABELS_HEADER_BYTES,
    LABELS_SUFFIX,
    read_pair_size,
)

TEST_PREFIXES = ("t10k", "test")  # of the names of test parts
_CHUNK_IMAGES = 8192


def list_parts(folder: Path) -> list[str]:
    """Return the names of the parts in a folder, sorted.

    Raises:
        IdxError: There is no part for training, or none for testing.
    """
    files = folder.glob(f"*{IMAGES_SUFFIX}")
    names = sorted(path.name.removesuffix(IMAGES_SUFFIX) for path in files)
    test_names = [name for name in names if name.startswith(TEST_PREFIXES)]
    if not test_names or len(test_names) == len(names):
        raise IdxError(
            f"{folder}: found {len(names)} parts, {len(test_names)} of them for testing, expected "
            f"some of each as <name>{IMAGES_SUFFIX} and <name>{LABELS_SUFFIX}, not compressed, the "
            f"names of test parts beginning with {' or '.join(TEST_PREFIXES)}; put them there"
        )
    return names


def read_part_size(folder: str, name: str, image_shape: tuple[int, ...]) -> int:
    """Return how many images a part has, if its files are as long as their headers say.

    Raises:
        IdxError: They are not, or cannot be read.
    """
    return read_pair_size(
        *_part_paths(folder, name),
        image_shape,
        remedy="put it on storage that every executor can read",
    )


def read_chunks(
    folder: str, name: str, image_shape: tuple[int, ...]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield a part's pixels and labels, some thousand images at a time.

    Raises:
        IdxError: As ``read_part_size``.
    """
    count, image_bytes = read_part_size(folder, name, image_shape), math.prod(image_shape)
    images_path, labels_path = _part_paths(folder, name)
    with images_path.open("rb") as images, labels_path.open("rb") as labels:
        images.seek(IMAGES_HEADER_BYTES)
        labels.seek(LABELS_HEADER_BYTES)
        for start in range(0, count, _CHUNK_IMAGES):
            size = min(_CHUNK_IMAGES, count - start)
            yield images.read(size * image_bytes), labels.read(size)


def _part_paths(folder: str, name: str) -> tuple[Path, Path]:
    return Path(folder) / f"{name}{IMAGES_SUFFIX}", Path(folder) / f"{name}{LABELS_SUFFIX}"
