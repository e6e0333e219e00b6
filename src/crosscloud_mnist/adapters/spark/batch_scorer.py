"""A folder or table of images, answered on Spark in chunks that are written whole or not at all.

What is done stands in the output itself: an image is known by its path, its time of modification
and its length, so a run that was killed goes on where it was, whatever the chunks are next time.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crosscloud_mnist.adapters.spark.scoring_task import SCHEMA, score
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.ports import ModelVersion, ScoringProgress
from crosscloud_mnist.storage import atomic

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

_COLUMNS = ("path", "modificationTime", "length", "content")
_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",  # images in memory at once, a task
    "spark.sql.files.ignoreMissingFiles": "true",  # deleted since the folder was listed
}


class _Image(NamedTuple):
    """An image as it is known again.

    Attributes:
        path: As Spark writes it.
        modified: Microseconds since 1970.
        length: Bytes.
    """

    path: str
    modified: int
    length: int


class SparkBatchScorer:
    """TestPredictions images with a bundle, on Spark.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Tasks that answer at once.
    """

    def __init__(self, *, master: str | None, slots: int) -> None:
        self._slots = slots
        self._cluster = SparkCluster(master, slots, conf={"spark.python.worker.reuse": "true"})

    def score(
        self, version: ModelVersion, bundle: Path, location: str, scores: Path, per_chunk: int
    ) -> Iterator[ScoringProgress]:
        """Answer what is not answered yet: see ``ports.SparkBatchScorer``."""
        onnx = Bundle(bundle, version.digest).onnx.read_bytes()
        folder = scores / f"model_version={version.version}"
        with self._cluster.session(on_driver=False) as shared:
            spark = shared.newSession()  # its settings are nobody else's
            for name, value in _SETTINGS.items():
                spark.conf.set(name, value)
            images = _open(spark, location)
            known = _list(images, location)
            done = _done(folder, version.digest)
            left = [(file, image) for file, image in known if image not in done]
            chunks = [left[at : at + per_chunk] for at in range(0, len(left), per_chunk)]
            start, so_far, errors = time.monotonic(), 0, 0
            for number, chunk in enumerate(chunks, 1):
                table = self._score(images, chunk, version, onnx)
                atomic.write_bytes(folder / _name(version, chunk), _parquet(table))
                so_far += len(chunk)
                errors += table.num_rows - table["error"].null_count
                yield ScoringProgress(
                    number, len(chunks), so_far, len(left), errors, time.monotonic() - start
                )

    def _score(
        self,
        images: DataFrame,
        chunk: Sequence[tuple[str, _Image]],
        version: ModelVersion,
        onnx: bytes,
    ) -> pa.Table:
        from pyspark.sql import functions as F  # noqa: N812  its usual name

        files = sorted({file for file, _ in chunk})
        texts = (F.coalesce(part.cast("string"), F.lit("None")) for part in _key())
        mine = images.where(
            # Spark opens no other files than these: the metadata column prunes the listing.
            F.col("_metadata.file_path").isin(files)
            & F.concat_ws(" ", *texts).isin([" ".join(map(str, image)) for _, image in chunk])
        )
        # Spark 4.3 warns of pandas 3, of which no frame is here.
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return (
                mine.select(*_COLUMNS)
                .repartition(self._slots)
                .mapInArrow(partial(score, onnx=onnx), SCHEMA)
                .withColumn("model_name", F.lit(version.name))
                .withColumn("model_digest", F.lit(version.digest))
                .toArrow()
            )


def _open(spark: SparkSession, location: str) -> DataFrame:
    """Return the images, unread, with the columns of Spark's ``binaryFile``.

    Raises:
        DataError: There is no such folder or table, or it holds no images.
    """
    from pyspark.errors import AnalysisException

    path = Path(location)
    literal = re.sub(
        r"([\[\]{}*?\\])", r"\\\1", str(path.absolute()) if path.exists() else location
    )
    try:
        if not path.exists() and re.fullmatch(r"\w+(\.\w+){1,2}", location):
            images = spark.table(location)
        elif (path / "_delta_log").is_dir():
            images = spark.read.format("delta").load(literal)
        elif path.suffix == ".parquet" or any(path.glob("*.parquet")):
            images = spark.read.parquet(literal)
        else:
            folder = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
            images = folder.load(literal)
    except AnalysisException as error:
        raise DataError(
            f"{location} cannot be opened ({str(error).splitlines()[0][:200]}), expected a folder of "
            "images, or a table with Spark's binaryFile columns; see --params images=..."
        ) from error
    missing = sorted(set(_COLUMNS) - set(images.columns))
    if missing:
        raise DataError(
            f"{location} has no columns {', '.join(missing)}, expected those of Spark's binaryFile: "
            f"{', '.join(_COLUMNS)}; write the table from spark.read.format('binaryFile')"
        )
    return images


def _list(images: DataFrame, location: str) -> list[tuple[str, _Image]]:
    """Return every image and the file that holds it, in an order that reads each file once."""
    from pyspark.sql import functions as F  # noqa: N812

    table = images.select(F.col("_metadata.file_path"), *_key()).toArrow()
    if not len(table):
        raise DataError(f"{location} holds no images, expected at least one; check --params images")
    files, *keys = (column.to_pylist() for column in table.columns)
    return sorted(set(zip(files, map(_Image._make, zip(*keys, strict=True)), strict=True)))


def _key() -> list[Column]:
    """Return the columns of ``_Image``."""
    from pyspark.sql import functions as F  # noqa: N812

    return [F.col("path"), F.unix_micros("modificationTime"), F.col("length")]


def _done(folder: Path, digest: str) -> set[_Image]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    done: set[_Image] = set()
    for path in folder.glob(f"{digest[:12]}-*.parquet"):
        table = pq.read_table(path, columns=["file", "modification_time", "length"])
        modified = table["modification_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        keys = table["file"], modified, table["length"]
        done.update(map(_Image._make, zip(*(key.to_pylist() for key in keys), strict=True)))
    return done


def _name(version: ModelVersion, chunk: Sequence[tuple[str, _Image]]) -> str:
    """Name the chunk's file by the model and the images in it."""
    content = hashlib.sha256(repr([image for _, image in chunk]).encode()).hexdigest()
    return f"{version.digest[:12]}-{content[:20]}.parquet"


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
