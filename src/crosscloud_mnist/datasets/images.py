"""A folder of image files."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from PIL import Image

from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.preprocessing import open_image
from crosscloud_mnist.preprocessing.formats import MAX_FILE_BYTES
from crosscloud_mnist.storage import folders

_MARKER = ".complete"

logger = logging.getLogger(__name__)

ImageLoaders = Mapping[str, Callable[[], Image.Image]]


class ImageFolderDataset(AbstractDataset[Mapping[str, Image.Image], ImageLoaders]):
    """Loads every file of a folder and its subfolders; saves images as PNG files.

    In a catalog::

        images:
          type: crosscloud_mnist.datasets.images.ImageFolderDataset
          filepath: data/01_raw/images
          given: ${runtime_params:images,null}
          classes: ${globals:contract.classes}

    In Python::

        for name, load in ImageFolderDataset(filepath="data/01_raw/images").load().items():
            image = load()

    Args:
        filepath: The folder; one that does not exist holds no images.
        given: The folder, or one file, that the user named; it is used in place of ``filepath``,
            and must hold files.
        generated: Whether a run saves the folder. Without its completion marker, such a folder is
            incomplete and holds no images.
        classes: Names of classes; a folder of such a name says what its images show.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        filepath: str,
        given: str | int | None = None,
        generated: bool = False,
        classes: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._given = None if given is None else Path(str(given))  # a folder may be named 7
        self._generated = generated
        self._classes = {name.casefold() for name in classes}
        self.metadata = metadata

    def load(self) -> ImageLoaders:
        """Return a function for each file, by its path in the folder, that opens the image.

        Hidden files and those in hidden folders are left out. Files in a folder whose name is a
        class keep that name in their path, also where it is the dataset's own folder. The functions
        raise ``ImageError`` for a file that is no image or cannot be read.

        Raises:
            ConfigurationError: The folder that the user named holds no file.
        """
        folder = self._given or self._filepath
        files, hidden = self._find_files()
        if hidden:
            logger.info("%s: %d hidden files are left out", folder, hidden)
        names_class = folder.name.casefold() in self._classes
        root = folder.parent if folder.is_file() or names_class else folder
        return {path.relative_to(root).as_posix(): partial(read_image, path) for path in files}

    def save(self, data: Mapping[str, Image.Image]) -> None:
        """Replace the folder by one with a PNG file for each image.

        Raises:
            DatasetError: The folder is not ``generated``: its images are a user's.
        """
        if not self._generated:
            raise DatasetError(
                f"{self._filepath} holds a user's images, expected a folder that a run may "
                "replace; set generated: true in the catalog"
            )
        with tempfile.TemporaryDirectory() as work:
            for name, image in data.items():
                image.save(Path(work) / f"{name}.png")
            (Path(work) / _MARKER).write_text("All images are written.\n")
            folders.replace(Path(work), self._filepath, marker=_MARKER)

    def check(self) -> None:
        """Check before a run that the folder that the user named holds a file.

        Raises:
            ConfigurationError: It holds none.
        """
        self._find_files()

    def _find_files(self) -> tuple[list[Path], int]:
        """Return the files, and how many are hidden."""
        files, hidden = self._list_files()
        if self._given is not None and not files:
            found = "holds no file" if self._given.exists() else "does not exist"
            raise ConfigurationError(
                f"{self._given} {found}, expected a folder of images, or an image; check --params "
                "images"
            )
        return files, hidden

    def _list_files(self) -> tuple[list[Path], int]:
        if self._generated and not (self._filepath / _MARKER).is_file():
            return [], 0
        return _list_files(self._given or self._filepath)

    def _exists(self) -> bool:
        return bool(self._list_files()[0])

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._given or self._filepath)}


def _list_files(folder: Path) -> tuple[list[Path], int]:
    """Return the files in path order, and how many are hidden; the marker is not counted."""
    if folder.is_file():
        return [folder], 0
    files = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / _MARKER
    ]
    visible = [
        path
        for path in files
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    return visible, len(files) - len(visible)


def read_image(path: Path) -> Image.Image:
    """Open an image file; its pixels are not decoded yet.

    Raises:
        ImageError: It cannot be read, or is no image.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}; check the file") from error
    return open_image(content)
