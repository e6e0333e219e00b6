"""The images to score: every file of a folder, or the rows of a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MISSING = -1  # length of a file that cannot be examined


class ListedImage(NamedTuple):
    """An image, identified by three values of which one changes when the image does.

    Attributes:
        path: As Spark writes it, such as ``file:/images/2.png``.
        modified: Microseconds since 1970; ``None`` where a table does not say.
        length: Bytes; ``None`` where a table does not say.
    """

    path: str
    modified: int | None
    length: int | None


class ImageSource(Protocol):
    """Images that are listed first, and read chunk by chunk."""

    def list_images(self) -> list[ListedImage]:
        """Return every image, in an order in which chunks are read fast."""

    def select(self, images: Sequence[ListedImage]) -> DataFrame:
        """Return these images as rows for ``scoring_task.score_batches``."""


class ImageFolder:
    """Every file below a folder, or one file.

    They are on storage that every worker sees under the same path.
    Spark's own listing is not used: it leaves out names that begin with ``_`` or ``.``, and fails
    at a name with a colon. The tasks open the files.

    Args:
        spark: The session to read with.
        folder: The folder, or the file.
    """

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._folder = folder.absolute()

    def list_images(self) -> list[ListedImage]:
        """Return every file, in the order of the paths."""
        return sorted(_examine(path) for path in walk(self._folder))

    def select(self, images: Sequence[ListedImage]) -> DataFrame:
        """Return these files: ``path``, ``modificationTime`` and ``length``."""
        import pyarrow as pa

        paths, modified, lengths = zip(*images, strict=True)
        table = pa.table(
            {
                "path": pa.array(paths, pa.string()),
                "modificationTime": pa.array(modified, pa.timestamp("us", "UTC")),
                "length": pa.array(lengths, pa.int64()),
            }
        )
        return self._spark.createDataFrame(table)


def walk(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, also through links to folders, each folder once."""
    if folder.is_file():
        yield folder
    visited: set[Path] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        # By path: a mounted file system may number its folders in any way.
        resolved = Path(parent).resolve()
        if resolved in visited:
            folders.clear()  # a link that leads back
            continue
        visited.add(resolved)
        yield from (Path(parent) / name for name in files)


def _examine(path: Path) -> ListedImage:
    try:
        status = path.stat()
    except OSError:  # such as a link to nowhere: the task gives the reason
        return ListedImage(f"file:{path}", 0, MISSING)
    # Milliseconds, which is what Spark's own listing has.
    return ListedImage(f"file:{path}", status.st_mtime_ns // 1_000_000 * 1000, status.st_size)
