"""Images that Spark reads: a table, or a folder on cloud storage by its URI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.image_listing import ListedImage

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

COLUMNS = ("path", "modificationTime", "length", "content")
_FILE = "_metadata.file_path"  # Spark opens no other files than those that a filter on it names


class ImageTable:
    """Rows with the columns of Spark's ``binaryFile``.

    Args:
        spark: The session to read with.
        images: The rows.
    """

    def __init__(self, spark: SparkSession, images: DataFrame) -> None:
        self._spark = spark
        self._images = images
        self._files: dict[ListedImage, str] = {}  # the file of the table that holds the image

    def list_images(self) -> list[ListedImage]:
        """Return every image, in the order of the table's files: each is read once, or twice."""
        from pyspark.sql import functions as F  # noqa: N812  its usual name

        table = self._images.select(*_key_columns(), F.col(_FILE)).toArrow()
        *keys, files = (column.to_pylist() for column in table.columns)
        images = map(ListedImage._make, zip(*keys, strict=True))
        self._files = dict(zip(images, files, strict=True))
        return sorted(self._files, key=lambda image: (self._files[image], image.path))

    def select(self, images: Sequence[ListedImage]) -> DataFrame:
        """Return these images' rows: a semi-join on what identifies them."""
        from pyspark.sql import functions as F  # noqa: N812

        schema = "key_path string, key_modified long, key_length long"
        keys = self._spark.createDataFrame(images, schema)
        files = sorted({self._files[image] for image in images})
        path, modified, length = _key_columns()
        is_same = (
            path.eqNullSafe(keys["key_path"])
            & modified.eqNullSafe(keys["key_modified"])
            & length.eqNullSafe(keys["key_length"])
        )
        return (
            self._images.where(F.col(_FILE).isin(files))
            .join(F.broadcast(keys), is_same, "left_semi")
            .select(*COLUMNS)
        )


def is_table(path: Path) -> bool:
    """Return whether a path that exists is a table, and not a folder of images."""
    return (
        path.suffix == ".parquet"
        or (path / "_delta_log").is_dir()
        or any(path.glob("*.parquet"))
        or any(path.glob("*=*/**/*.parquet"))  # partitioned by the values of a column
    )


def _key_columns() -> list[Column]:
    """Return the columns of ``ListedImage``."""
    from pyspark.sql import functions as F  # noqa: N812

    return [F.col("path"), F.unix_micros("modificationTime"), F.col("length")]
