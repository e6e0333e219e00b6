"""The names and headers of shards: a data set as numbered pairs of IDX files.

A set of 8 shards is ``00000-of-00008-images-idx3-ubyte``, ``00000-of-00008-labels-idx1-ubyte`` and
on to ``00007-of-00008-...``. The suffixes are those of MNIST's own files.
"""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.image_format import IMAGE_SIDE

IMAGES_SUFFIX, LABELS_SUFFIX = "-images-idx3-ubyte", "-labels-idx1-ubyte"
IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES = idx.header_bytes(3), idx.header_bytes(1)


def shard_paths(folder: Path, index: int, shards: int) -> tuple[Path, Path]:
    """Return the files of images and labels of shard ``index``, from 0, of ``shards``."""
    stem = f"{index:05d}-of-{shards:05d}"
    return folder / f"{stem}{IMAGES_SUFFIX}", folder / f"{stem}{LABELS_SUFFIX}"


def remove_shards(folder: Path, *, keep: int | None = None) -> None:
    """Remove every shard in a folder.

    Args:
        folder: Where the shards are.
        keep: The number of shards of the one set that stays.
    """
    for path in folder.glob("*-of-*-idx?-ubyte"):
        if keep is None or f"-of-{keep:05d}-" not in path.name:
            path.unlink()


def images_header(count: int) -> bytes:
    """Return the header of an IDX file of ``count`` images."""
    return idx.encode_header(count, IMAGE_SIDE, IMAGE_SIDE)


def labels_header(count: int) -> bytes:
    """Return the header of an IDX file of ``count`` labels."""
    return idx.encode_header(count)


def read_count(labels: Path) -> int:
    """Return how many labels a file has, by its header.

    Raises:
        OSError: It cannot be read.
    """
    with labels.open("rb") as file:
        return int.from_bytes(file.read(LABELS_HEADER_BYTES)[4:], "big")
