"""Digits that were packed into one file: Keras' ``mnist.npz`` and Kaggle's ``train.csv``.

Keras   ``~/.keras/datasets/mnist.npz``, which ``keras.datasets.mnist.load_data`` downloads
Kaggle  ``train.csv`` of https://www.kaggle.com/competitions/digit-recognizer/data; its ``test.csv``
        has no labels, so the test set is split off from ``train.csv``
"""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.datasets.held_out import split_off
from crosscloud_mnist.datasets.mnist_files import FILES
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.storage import atomic, idx, npz, pixel_csv

_ARRAYS = ("x_train", "y_train", "x_test", "y_test")  # in the order of FILES
_ARCHIVE, _ARCHIVE_NAME = "mnist.npz", "keras-npz"
_TABLE, _TABLE_NAME = "train.csv", "kaggle-digit-recognizer"
_TABLE_FOLDERS = ("", "digit-recognizer")
_TEST_FRACTION, _TEST_SEED = 1 / 7, 0  # of the images, as in MNIST
PACKED = (_ARCHIVE, _TABLE)


def find_packed(folder: Path) -> Path | None:
    """Return the first file in a folder that holds packed digits, if there is one."""
    candidates = (folder / _ARCHIVE, *(folder / each / _TABLE for each in _TABLE_FOLDERS))
    return next((path for path in candidates if atomic.is_complete(path)), None)


def read_packed(path: Path) -> RawDigits:
    """Return the digits of a file that ``find_packed`` found, under their own name.

    Raises:
        DataError: The file is broken, lacks an array or a column, or holds a value out of range.
        OSError: It cannot be read.
    """
    return _read_archive(path) if path.name == _ARCHIVE else _read_table(path)


def _read_archive(path: Path) -> RawDigits:
    arrays = npz.read(path, _ARRAYS)
    files = {name: idx.encode(arrays[array]) for name, array in zip(FILES, _ARRAYS, strict=True)}
    names = {name: f"{path}: {array}" for name, array in zip(FILES, _ARRAYS, strict=True)}
    return RawDigits(_ARCHIVE_NAME, str(path), files, names)


def _read_table(path: Path) -> RawDigits:
    labelled = pixel_csv.read_labelled(path)
    training, test = split_off(
        labelled, _TEST_FRACTION, _TEST_SEED, source=str(path), part="test set"
    )
    files = {name: idx.encode(each) for name, each in zip(FILES, training + test, strict=True)}
    return RawDigits(_TABLE_NAME, str(path), files, dict.fromkeys(FILES, str(path)))
