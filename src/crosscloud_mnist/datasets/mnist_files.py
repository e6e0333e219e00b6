"""Where the MNIST files are in a folder: the usual names of their usual downloads.

Published  ``train-images-idx3-ubyte.gz``
Kaggle     ``train-images.idx3-ubyte``, or ``train-images-idx3-ubyte/train-images-idx3-ubyte``
torchvision  ``MNIST/raw/train-images-idx3-ubyte``

Each may be plain or end in ``.gz``, in capital letters or not.
"""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.storage import atomic
from crosscloud_mnist.storage.shard_layout import IMAGES_SUFFIX, LABELS_SUFFIX

FILES = (
    f"train{IMAGES_SUFFIX}",
    f"train{LABELS_SUFFIX}",
    f"t10k{IMAGES_SUFFIX}",
    f"t10k{LABELS_SUFFIX}",
)
MAX_FILE_BYTES = 64 * 2**20
_SUBFOLDERS = ("", "raw", "MNIST/raw")  # torchvision's


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file that has one of the usual names of ``name``, if there is one.

    Args:
        folder: Where to look.
        name: One of ``FILES``.
    """
    for subfolder in _SUBFOLDERS:
        if found := _find_in(folder / subfolder, name):
            return found
    return None


def _find_in(folder: Path, name: str) -> Path | None:
    entries = {path.name.lower(): path for path in folder.iterdir()} if folder.is_dir() else {}
    for stem in (name, name.replace("-idx", ".idx")):
        for candidate in (stem, f"{stem}.gz"):
            path = entries.get(candidate)
            if path and atomic.is_complete(path):
                return path
            if path and path.is_dir() and (found := _find_in(path, name)):
                return found
    return None
