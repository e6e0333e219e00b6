"""Opens a table of image files, or of pixels, or a folder of image files by its URI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.image_table import COLUMNS, ImageTable
from crosscloud_mnist.adapters.spark.pixel_source import find_id_column
from crosscloud_mnist.adapters.spark.pixel_table import FILE, ROW, PixelTable, find_pixels
from crosscloud_mnist.errors import DataError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def open_table(spark: SparkSession, location: str, shape: Sequence[int]) -> ImageTable | PixelTable:
    """Open a table (a path, or a name in the metastore), or a folder by its URI.

    Args:
        spark: The session to read with.
        location: Of the table or the folder.
        shape: Of an image of pixels.

    Raises:
        DataError: There is none, or it has neither the columns of files nor those of pixels.
    """
    from pyspark.errors import AnalysisException

    try:
        table = _read(spark, location)
    except AnalysisException as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(
            f"{location} cannot be opened ({reason}), expected a folder of images, or a table with "
            "the columns of Spark's binaryFile or with pixels; correct --params images=..."
        ) from error
    missing = sorted(set(COLUMNS) - set(table.columns))
    pixels = find_pixels(table, shape, location) if missing else []
    if pixels or not missing:
        _check_metadata(table, location, has_pixels=bool(pixels))
        return PixelTable(table, pixels) if pixels else ImageTable(spark, table)
    raise DataError(
        f"{location} has no columns {', '.join(missing)}, expected those of Spark's binaryFile "
        f"({', '.join(COLUMNS)}), or pixels as a column of arrays or as pixel0, pixel1, ...; write "
        "one of them"
    )


def _check_metadata(table: DataFrame, location: str, *, has_pixels: bool) -> None:
    """Check that Spark can say which file a row is in, and which row of it.

    A view has no metadata column, and only Parquet and what is built on it numbers the rows:
    https://docs.databricks.com/aws/en/ingestion/file-metadata-column

    Raises:
        DataError: It cannot.
    """
    if not _has_column(table, FILE):
        raise DataError(
            f"{location} has no files of its own, as a view has none, expected a table; write it "
            "as one, in Parquet or Delta"
        )
    if has_pixels and not find_id_column(table.columns) and not _has_column(table, ROW):
        raise DataError(
            f"{location} has no column id, and its format does not number the rows, expected one "
            "of the two; add the column id, or write the table in Parquet or Delta"
        )


def _has_column(table: DataFrame, name: str) -> bool:
    from pyspark.errors import AnalysisException

    try:
        table.select(name)
    except AnalysisException:
        return False
    return True


def _read(spark: SparkSession, location: str) -> DataFrame:
    path = Path(location)
    if not path.exists():
        if re.fullmatch(r"\w+(\.\w+){1,2}", location):
            return spark.table(location)
        folder = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
        return folder.load(location)
    literal = re.sub(r"([\[\]{}*?\\])", r"\\\1", str(path.absolute()))  # no glob pattern
    if (path / "_delta_log").is_dir():
        return spark.read.format("delta").load(literal)
    return spark.read.parquet(literal)
