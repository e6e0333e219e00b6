"""Images and labels on storage as pairs of IDX files, the format of MNIST itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from crosscloud_mnist.storage import atomic, idx, shard_layout
from crosscloud_mnist.training.job import Shard

LabelledImages = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class ShardsDataset(AbstractDataset[LabelledImages, "LabelledImages | tuple[Shard, ...]"]):
    """Images ``[n, *image_shape]`` and labels [n], uint8, in a number of shards.

    Image i goes to shard ``i % shards``. A large set is not loaded in one process: every worker
    opens its own shards. Two transcoded entries of the catalog describe one set: ``@arrays``
    saves and loads the arrays, ``@shards`` loads the paths of the shards.

    Example usage for the YAML API:

    .. code-block:: yaml

        training@arrays:
          type: crosscloud_mnist.datasets.shards.ShardsDataset
          path: data/05_model_input/training
          shards: 8
          image_shape: [28, 28]

        training@shards:
          type: crosscloud_mnist.datasets.shards.ShardsDataset
          path: data/05_model_input/training
          shards: 8
          image_shape: [28, 28]
          handles: true

    Example usage for the Python API:

    .. code-block:: pycon

        >>> import numpy as np
        >>> from crosscloud_mnist.datasets.shards import ShardsDataset
        >>> dataset = ShardsDataset(path="training", shards=2, image_shape=(28, 28))
        >>> dataset.save((np.zeros((4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)))
        >>> images, labels = dataset.load()
        >>> labels.tolist()
        [0, 1, 2, 3]

    Args:
        path: Folder of the shards, on storage that every worker sees under the same path.
        shards: How many; every number of slots that is used must divide it.
        image_shape: Of an image, as the contract has it.
        handles: Whether loading returns the shards' paths and counts instead of the arrays.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        path: str,
        shards: int,
        image_shape: Sequence[int],
        handles: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(path)
        self._shards = shards
        self._image_shape = tuple(image_shape)
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
        # The images were sharded in turn, so their order is by place in the shard, then by shard.
        places = np.concatenate([np.arange(len(labels)) for _, labels in parts])
        order = np.argsort(places, kind="stable")
        images = np.concatenate([images for images, _ in parts])[order]
        labels = np.concatenate([labels for _, labels in parts])[order]
        return images.reshape(-1, *self._image_shape), labels

    def save(self, data: LabelledImages) -> None:
        """Write the shards, after removing those of an earlier run."""
        images, labels = data
        rows = images.reshape(len(images), self._image_shape[0], -1)
        shard_layout.remove_shards(self._path)
        for index in range(self._shards):
            own = slice(index, None, self._shards)
            images_path, labels_path = shard_layout.shard_paths(self._path, index, self._shards)
            atomic.write_bytes(images_path, idx.encode(rows[own]))
            atomic.write_bytes(labels_path, idx.encode(labels[own]))

    def _shard(self, index: int) -> Shard:
        images, labels = shard_layout.shard_paths(self._path, index, self._shards)
        count = shard_layout.read_pair_size(
            images, labels, self._image_shape, remedy="run kedro run --pipelines ingest_mnist"
        )
        return Shard(str(images.absolute()), str(labels.absolute()), count)

    def _exists(self) -> bool:
        _, labels = shard_layout.shard_paths(self._path, self._shards - 1, self._shards)
        return labels.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "shards": self._shards, "handles": self._handles}


def _read(shard: Shard) -> LabelledImages:
    return (
        idx.decode(Path(shard.images).read_bytes(), shard.images),
        idx.decode(Path(shard.labels).read_bytes(), shard.labels),
    )
