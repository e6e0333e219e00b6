"""Rows of pixels that Spark reads from a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.adapters.spark import pixel_parts
from crosscloud_mnist.adapters.spark.pixel_parts import Part
from crosscloud_mnist.adapters.spark.pixel_source import find_id_column
from crosscloud_mnist.adapters.spark.pixel_task import PIXELS
from crosscloud_mnist.contract import list_array_shapes
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage.pixel_csv import name_pixels

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

FILE, ROW = "_metadata.file_path", "_metadata.row_index"


class PixelTable:
    """Rows with a column of pixels, or one column for each.

    Args:
        table: The rows.
        pixels: The columns of the pixels.
    """

    def __init__(self, table: DataFrame, pixels: Sequence[str]) -> None:
        self._table, self._pixels = table, pixels
        self._id = find_id_column(table.columns)

    def list_parts(self) -> list[Part]:
        """Return the table's files, sorted."""
        from pyspark.sql import functions as F  # noqa: N812  its usual name

        modified = F.unix_micros("_metadata.file_modification_time")
        keys = [F.col(FILE), modified, F.col("_metadata.file_size")]
        files = self._table.groupBy(*keys).count().toArrow()
        file, modified, length, rows = (column.to_pylist() for column in files.columns)
        starts = [0] * len(rows)
        return sorted(map(Part, file, modified, length, starts, rows))

    def chunk(self, parts: Sequence[Part], rows: int) -> list[list[Part]]:
        """Return groups of files."""
        return pixel_parts.group(parts, rows)

    def select(self, parts: Sequence[Part]) -> DataFrame:
        """Return the rows of a group of files; Spark opens no others."""
        from pyspark.sql import functions as F  # noqa: N812

        row = F.concat(F.col(FILE), F.lit("#"), F.col(ROW).cast("string"))
        return self._table.where(F.col(FILE).isin([part.file for part in parts])).select(
            (F.col(self._id).cast("string") if self._id else row).alias("file"),
            F.col("_metadata.file_modification_time").alias("modification_time"),
            F.col("_metadata.file_size").alias("length"),
            F.col(FILE).alias("part"),
            *self._pixels,
        )


def find_pixels(table: DataFrame, shape: Sequence[int], location: str) -> list[str]:
    """Return the columns that hold the pixels; none if the table has none.

    They are ``pixels``, or the table's only column of arrays, or ``pixel0``, ``pixel1``, ….

    Raises:
        DataError: A column has another type than numbers, or some of the columns are missing.
    """
    shapes = list_array_shapes(shape)
    names = name_pixels(*shapes[0])
    present = [name for name in names if name in table.columns]
    types = {field.name: field.dataType for field in table.schema.fields}
    arrays = [name for name, kind in types.items() if kind.typeName() == "array"]
    chosen = [PIXELS] if PIXELS in arrays else arrays if len(arrays) == 1 else present
    if present and chosen == present and len(present) < len(names):
        missing = next(name for name in names if name not in present)
        raise DataError(
            f"{location} has no column {missing}, expected {names[0]} to {names[-1]}; add it"
        )
    depths = [0] if chosen == present else [len(each) for each in shapes]
    for name in chosen:
        element, depth = _unwrap(types[name])
        if not _is_number(element) or depth not in depths:
            arrays_of = "" if chosen == present else f", as [{len(names)}] or {list(shape)}"
            raise DataError(
                f"column {name} of {location} is {types[name].simpleString()}, expected whole "
                f"numbers 0 to 255{arrays_of}; cast it, or write it again"
            )
    return chosen


def _unwrap(kind: Any) -> tuple[Any, int]:
    """Return the type of an array's elements, and how deep they are."""
    depth = 0
    while kind.typeName() == "array":
        kind, depth = kind.elementType, depth + 1
    return kind, depth


def _is_number(kind: DataType) -> bool:
    return kind.typeName() in ("byte", "short", "integer", "long", "float", "double")
