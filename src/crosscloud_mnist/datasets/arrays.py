"""Named arrays in one NumPy archive."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from crosscloud_mnist.storage import atomic


class ArraysDataset(AbstractDataset[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]):
    """A dictionary of arrays in an ``.npz`` file; no pickle is written or read.

    Example usage for the YAML API:

    .. code-block:: yaml

        weights:
          type: crosscloud_mnist.datasets.arrays.ArraysDataset
          filepath: data/06_models/weights.npz

    Example usage for the Python API:

    .. code-block:: pycon

        >>> import numpy as np
        >>> from crosscloud_mnist.datasets.arrays import ArraysDataset
        >>> dataset = ArraysDataset(filepath="weights.npz")
        >>> dataset.save({"bias": np.zeros(10, np.float32)})
        >>> dataset.load()["bias"].shape
        (10,)

    Args:
        filepath: Path of the file.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, NDArray[Any]]:
        """Read the arrays, in the order they were saved in."""
        content = io.BytesIO(atomic.read_bytes(self._filepath))
        with np.load(content, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def save(self, data: dict[str, NDArray[Any]]) -> None:
        """Write the arrays, as ``numpy.savez`` does.

        NumPy 2.1, which Databricks Runtime 18 has, takes savez' ``allow_pickle`` for an array.

        Raises:
            ValueError: An array holds Python objects, which would be pickled.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in data.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
        atomic.write_bytes(self._filepath, buffer.getvalue())

    def _exists(self) -> bool:
        return atomic.is_complete(self._filepath)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
