"""Where rows of pixels come from: an IDX file, an ``.npz``, a CSV file, or a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.spark import pixel_parts
from crosscloud_mnist.adapters.spark.pixel_parts import Part
from crosscloud_mnist.adapters.spark.pixel_task import PIXELS
from crosscloud_mnist.contract import list_array_shapes
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage import idx, npz, pixel_csv

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ID_COLUMNS = ("id", "imageid", "image_id")  # in any case
_GZIP_MAGIC = b"\x1f\x8b"


class PixelSource(Protocol):
    """Rows of pixels that are listed first, in parts, and read chunk by chunk."""

    def list_parts(self) -> list[Part]:
        """Return every part."""

    def chunk(self, parts: Sequence[Part], rows: int) -> list[list[Part]]:
        """Return the parts as chunks of about so many rows."""

    def select(self, parts: Sequence[Part]) -> DataFrame:
        """Return the rows of a chunk as ``pixel_task.score_pixels`` takes them."""


@dataclass(frozen=True)
class PixelArray:
    """Images of one array.

    Attributes:
        name: Of its file, as ``Part.file``.
        pixels: uint8 [n, pixels].
        ids: What identifies each; ``None``: the name with ``#`` and its number, from 0.
    """

    name: str
    pixels: NDArray[np.uint8]
    ids: Sequence[str] | None = None


class PixelFile:
    """A file that the driver reads and sends to the tasks.

    Args:
        spark: The session.
        path: The file.
        shape: Of an image.

    Raises:
        DataError: The file is broken, or holds no images of that shape.
    """

    def __init__(self, spark: SparkSession, path: Path, shape: Sequence[int]) -> None:
        self._spark = spark
        status = path.stat()
        self._modified, self._length = status.st_mtime_ns // 1_000_000 * 1000, status.st_size
        self._arrays = {array.name: array for array in read_file(path, shape)}

    def list_parts(self) -> list[Part]:
        """Return one part for each array."""
        return [
            Part(name, self._modified, self._length, 0, len(array.pixels))
            for name, array in self._arrays.items()
        ]

    def chunk(self, parts: Sequence[Part], rows: int) -> list[list[Part]]:
        """Return ranges of the arrays."""
        return pixel_parts.split(parts, rows)

    def select(self, parts: Sequence[Part]) -> DataFrame:
        """Return the rows of one part."""
        import pyarrow as pa

        (part,) = parts
        array, rows = self._arrays[part.file], range(part.start, part.stop)
        pixels = array.pixels[part.start : part.stop]
        numbered = (f"{part.file}#{row}" for row in rows)
        ids = [array.ids[row] for row in rows] if array.ids else list(numbered)
        modified = pa.scalar(part.modified, pa.timestamp("us", "UTC"))
        table = pa.table(
            {
                "file": pa.array(ids, pa.string()),
                "modification_time": pa.repeat(modified, part.rows),
                "length": pa.repeat(part.length, part.rows),
                "part": pa.repeat(part.file, part.rows),
                PIXELS: pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(pixels.shape[1]), part.rows, [None, pa.py_buffer(pixels)]
                ).cast(pa.binary()),
            }
        )
        return self._spark.createDataFrame(table)


def is_pixel_file(path: Path) -> bool:
    """Return whether a file holds rows of pixels, and is not one image."""
    if not path.is_file():
        return False
    start = _read_start(path)
    return (
        path.suffix.lower() in (".csv", ".npz")
        or start.startswith((npz.MAGIC, _GZIP_MAGIC))
        or idx.is_idx(start)
    )


def read_file(path: Path, shape: Sequence[int]) -> list[PixelArray]:
    """Return the images of a file.

    Args:
        path: An IDX file, plain or gzip-compressed, an ``.npz``, of which every array of images
            counts, or a CSV file.
        shape: Of an image.

    Raises:
        DataError: The file is broken, or holds no images of that shape.
    """
    name = f"file:{path.absolute()}"
    shapes = list_array_shapes(shape)
    ((size,), *_) = shapes
    if path.suffix.lower() == ".csv":
        ids = find_id_column(pixel_csv.read_header(path))
        return [PixelArray(name, *pixel_csv.read_images(path, size, ids))]
    if path.suffix.lower() == ".npz" or _read_start(path) == npz.MAGIC:
        chosen = npz.find_rows(path, shapes) or None  # None: the first wrong array is named
        arrays = {f"{name}#{key}": array for key, array in npz.read(path, chosen).items()}
    else:
        arrays = {name: idx.decode(idx.decompress(path.read_bytes(), str(path)), str(path))}
    found = [
        PixelArray(key, array.reshape(-1, size))
        for key, array in arrays.items()
        if array.shape[1:] in shapes and len(array)
    ]
    if not found:
        present = ", ".join(str(list(array.shape)) for array in arrays.values())
        raise DataError(
            f"{path}: holds arrays of shape {present}, expected images [n, {size}] or "
            f"{['n', *shape]}; correct --params images=..."
        )
    return found


def find_id_column(columns: Sequence[str]) -> str | None:
    """Return the first column that identifies a row, if there is one."""
    return next((name for name in columns if name.lower() in ID_COLUMNS), None)


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(npz.MAGIC))
