"""Images and labels on storage as pairs of IDX files, the format of MNIST itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import atomic, idx
from crosscloud_mnist.training.job import Shard

LabelledImages = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class ShardsDataset(AbstractDataset[LabelledImages, "LabelledImages | tuple[Shard, ...]"]):
    """Images [n, 28, 28] and labels [n], uint8, dealt round a number of shards.

    A large set is not loaded in one place: every worker opens its own shards. Two transcoded
    entries stand for that in the catalog: ``@arrays`` saves and loads the arrays, ``@shards``
    loads where the shards are.

    Args:
        path: Folder of the shards, on storage that every worker sees under the same path.
        shards: How many; a number that every number of slots to come divides.
        handles: Whether loading returns the shards' paths and counts instead of the arrays.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        path: str,
        shards: int,
        handles: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(path)
        self._shards = shards
        self._handles = handles
        self.metadata = metadata

    def load(self) -> LabelledImages | tuple[Shard, ...]:
        """Return the arrays, in the order they were saved in, or the shards.

        Raises:
            IdxError: A file is missing or broken.
        """
        if self._handles:
            return tuple(self._shard(index) for index in range(self._shards))
        parts = [_read(self._shard(index)) for index in range(self._shards)]
        places = np.concatenate([np.arange(len(labels)) for _, labels in parts])
        order = np.argsort(places, kind="stable")  # round the shards, whose sizes may differ
        images = np.concatenate([images for images, _ in parts])[order]
        labels = np.concatenate([labels for _, labels in parts])[order]
        return images, labels

    def save(self, data: LabelledImages) -> None:
        """ShardAssignment the images round the shards and drop the shards of an earlier deal."""
        images, labels = data
        for old in self._path.glob("*-of-*-idx?-ubyte"):
            old.unlink()
        for index in range(self._shards):
            mine = slice(index, None, self._shards)
            atomic.write_bytes(self._file(index, "images-idx3"), idx.encode(images[mine]))
            atomic.write_bytes(self._file(index, "labels-idx1"), idx.encode(labels[mine]))

    def _file(self, index: int, kind: str) -> Path:
        return self._path / f"{index:05d}-of-{self._shards:05d}-{kind}-ubyte"

    def _shard(self, index: int) -> Shard:
        images, labels = self._file(index, "images-idx3"), self._file(index, "labels-idx1")
        if not (images.is_file() and labels.is_file()):
            raise IdxError(
                f"{images}: this shard or its labels are missing, expected {self._shards} pairs; "
                "run kedro run --pipelines ingest_mnist"
            )
        with labels.open("rb") as file:
            count = int.from_bytes(file.read(8)[4:], "big")
        return Shard(str(images.absolute()), str(labels.absolute()), count)

    def _exists(self) -> bool:
        return self._file(self._shards - 1, "labels-idx1").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "shards": self._shards, "handles": self._handles}


def _read(shard: Shard) -> LabelledImages:
    return (
        idx.decode(Path(shard.images).read_bytes(), shard.images),
        idx.decode(Path(shard.labels).read_bytes(), shard.labels),
    )
