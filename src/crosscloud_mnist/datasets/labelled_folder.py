"""A labelled data set as folders of image files, one for each class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from kedro.io import AbstractDataset, DatasetError

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.datasets.images import read_image
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.errors import DataError, ImageError
from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor
from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.shard_layout import IMAGES_SUFFIX, LABELS_SUFFIX

_SPLITS = {"train": "train", "t10k": "test"}  # MNIST's names of its files, and our folders


class LabelledFolderDataset(AbstractDataset[NoReturn, RawDigits]):
    """Image files in ``train/<class>/`` and ``test/<class>/``, load only.

    It takes the place of ``MnistDataset``. Each image is preprocessed as the contract says, as the
    images that are later sent to the model are. Hidden files are left out.

    Example usage for the YAML API:

    .. code-block:: yaml

        mnist:
          type: crosscloud_mnist.datasets.labelled_folder.LabelledFolderDataset
          folder: data/01_raw/fruit
          name: fruit
          contract: ${globals:contract}

    Example usage for the Python API:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.labelled_folder import LabelledFolderDataset
        >>> dataset = LabelledFolderDataset(folder="fruit", name="fruit", contract=contract)
        >>> dataset.load().dataset
        'fruit'

    Args:
        folder: Holds ``train`` and ``test``, each with a folder for every class.
        name: Of the data set, for the model's lineage.
        contract: The shape of an image, the classes and the preprocessing.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        folder: str,
        name: str,
        contract: Mapping[str, Any],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folder, self._name, self._contract = Path(folder), name, contract
        self.metadata = metadata

    def load(self) -> RawDigits:
        """Read and preprocess every image; the result is in the form of MNIST's files.

        Raises:
            DataError: A folder of a class is missing or empty, another one is there, or a file is
                no image that the preprocessing takes.
            ConfigurationError: The contract's preprocessing cannot be found.
        """
        contract = Contract(**self._contract)
        files = {}
        for prefix, split in _SPLITS.items():
            images, labels = _read_split(self._folder / split, contract)
            files[f"{prefix}{IMAGES_SUFFIX}"] = idx.encode(images)
            files[f"{prefix}{LABELS_SUFFIX}"] = idx.encode(labels)
        return RawDigits(self._name, str(self._folder), files)

    def find_source(self) -> str:
        """Return how many image files there are of which classes; none of them is opened.

        Raises:
            DataError: As ``load``, for the folders.
        """
        contract = Contract(**self._contract)
        counts = []
        for split in _SPLITS.values():
            folder = self._folder / split
            _check_folders(folder, contract)
            files = sum(len(_list_visible(folder / name)) for name in contract.classes)
            counts.append(f"{files} files in {split}")
        classes = len(contract.classes)
        return f"{self._name} in {self._folder}: {', '.join(counts)}, of {classes} classes"

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Reject: a user's images are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(f"{self._folder} is load only: nothing can be saved to it")

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder), "name": self._name}


def _read_split(folder: Path, contract: Contract) -> LabelledImages:
    """Return the images ``[n, *image_shape]`` and labels [n] of ``train`` or ``test``."""
    _check_folders(folder, contract)
    preprocess = get_preprocessor(contract)
    images, labels = [], []
    for label, name in enumerate(contract.classes):
        for path in _list_visible(folder / name):
            try:
                images.append(preprocess(read_image(path)))
            except ImageError as error:
                raise DataError(f"{path} {error}; or take it out of the folder") from error
            labels.append(label)
    return np.stack(images), np.array(labels, np.uint8)


def _check_folders(folder: Path, contract: Contract) -> None:
    """Check that there is a folder with files for every class, and no other one."""
    names = [path.name for path in _list_visible(folder)] if folder.is_dir() else []
    if unknown := sorted(set(names) - set(contract.classes)):
        raise DataError(
            f"{folder} holds {unknown[0]}, expected a folder for each class of the contract "
            f"({', '.join(contract.classes)}) and nothing else; rename it, or correct the contract "
            "in the globals"
        )
    for name in contract.classes:
        if not (folder / name).is_dir() or not _list_visible(folder / name):
            raise DataError(
                f"{folder / name} holds no images, expected some of every class of the contract; "
                "put them there, or correct the contract in the globals"
            )


def _list_visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
