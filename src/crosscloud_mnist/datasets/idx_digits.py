"""Digits as the four IDX files of a folder, as MNIST was published."""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.datasets.mnist_files import FILES, MAX_FILE_BYTES, find_file
from crosscloud_mnist.datasets.packed_digits import PACKED
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx

_NAME = "idx-files"


def read_idx_files(folder: Path) -> RawDigits:
    """Return the digits of the four files, under a name that is not MNIST's.

    Args:
        folder: Has the files under any of their usual names (see ``datasets.mnist_files``), plain
            or gzip-compressed.

    Raises:
        IdxError: A file is absent, too large or broken.
        OSError: It cannot be read.
    """
    files, names = {}, {}
    for name in FILES:
        path = find_file(folder, name)
        if path is None:
            raise IdxError(
                f"{folder / name}: no such file, expected it there (plain or .gz) with the "
                f"other three, or one of {', '.join(PACKED)}; put it there, or set MNIST_DIR "
                "to a folder that has them"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise IdxError(
                f"{path}: larger than {MAX_FILE_BYTES} bytes, expected an MNIST file, or one of "
                "its size; put it there, or read more images with kedro run --pipelines "
                "ingest_on_spark"
            )
        names[name] = str(path)
        files[name] = idx.decompress(path.read_bytes(), names[name])
        idx.decode(files[name], names[name])  # names what is wrong with a truncated file
    return RawDigits(_NAME, str(folder), files, names)
