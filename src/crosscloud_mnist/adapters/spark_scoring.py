"""A folder or table of pictures, answered on Spark in chunks that are written whole or not at all.

What is done stands in the output itself: a picture is known by its path, its time of modification
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

from crosscloud_mnist.adapters.cluster import Cluster
from crosscloud_mnist.adapters.scoring_task import SCHEMA, score
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.files import write_whole
from crosscloud_mnist.ports import ModelVersion, Scored

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

_COLUMNS = ("path", "modificationTime", "length", "content")
_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",  # pictures in memory at once, a task
    "spark.sql.files.ignoreMissingFiles": "true",  # deleted since the folder was listed
}


class _Picture(NamedTuple):
    """A picture as it is known again.

    Attributes:
        path: As Spark writes it.
        modified: Microseconds since 1970.
        length: Bytes.
    """

    path: str
    modified: int
    length: int


class Scorer:
    """Answers pictures with a bundle, on Spark.

    Args:
        master: Spark's master URL; ``None`` takes the session that is there (Databricks).
        slots: Tasks that answer at once.
    """

    def __init__(self, *, master: str | None, slots: int) -> None:
        self._slots = slots
        self._cluster = Cluster(master, slots, conf={"spark.python.worker.reuse": "true"})

    def score(
        self, version: ModelVersion, bundle: Path, images: str, scores: Path, per_chunk: int
    ) -> Iterator[Scored]:
        """Answer what is not answered yet: see ``ports.Scorer``."""
        onnx = Bundle(bundle, version.digest).onnx.read_bytes()
        folder = scores / f"model_version={version.version}"
        with self._cluster.session(on_driver=False) as shared:
            spark = shared.newSession()  # its settings are nobody else's
            for name, value in _SETTINGS.items():
                spark.conf.set(name, value)
            pictures = _open(spark, images)
            known = _list(pictures, images)
            done = _done(folder, version.digest)
            left = [(file, picture) for file, picture in known if picture not in done]
            chunks = [left[at : at + per_chunk] for at in range(0, len(left), per_chunk)]
            start, so_far, errors = time.monotonic(), 0, 0
            for number, chunk in enumerate(chunks, 1):
                table = self._score(pictures, chunk, version, onnx)
                write_whole(folder / _name(version, chunk), _parquet(table))
                so_far += len(chunk)
                errors += table.num_rows - table["error"].null_count
                yield Scored(
                    number, len(chunks), so_far, len(left), errors, time.monotonic() - start
                )

    def _score(
        self,
        pictures: DataFrame,
        chunk: Sequence[tuple[str, _Picture]],
        version: ModelVersion,
        onnx: bytes,
    ) -> pa.Table:
        from pyspark.sql import functions as F  # noqa: N812  its usual name

        files = sorted({file for file, _ in chunk})
        texts = (F.coalesce(part.cast("string"), F.lit("None")) for part in _key())
        mine = pictures.where(
            # Spark opens no other files than these: the metadata column prunes the listing.
            F.col("_metadata.file_path").isin(files)
            & F.concat_ws(" ", *texts).isin([" ".join(map(str, picture)) for _, picture in chunk])
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


def _open(spark: SparkSession, images: str) -> DataFrame:
    """Return the pictures, unread, with the columns of Spark's ``binaryFile``.

    Raises:
        DataError: There is no such folder or table, or it holds no pictures.
    """
    from pyspark.errors import AnalysisException

    path = Path(images)
    literal = re.sub(r"([\[\]{}*?\\])", r"\\\1", str(path.absolute()) if path.exists() else images)
    try:
        if not path.exists() and re.fullmatch(r"\w+(\.\w+){1,2}", images):
            pictures = spark.table(images)
        elif (path / "_delta_log").is_dir():
            pictures = spark.read.format("delta").load(literal)
        elif path.suffix == ".parquet" or any(path.glob("*.parquet")):
            pictures = spark.read.parquet(literal)
        else:
            folder = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
            pictures = folder.load(literal)
    except AnalysisException as error:
        raise DataError(
            f"{images} cannot be opened ({str(error).splitlines()[0][:200]}), expected a folder of "
            "pictures, or a table with Spark's binaryFile columns; see --params images=..."
        ) from error
    missing = sorted(set(_COLUMNS) - set(pictures.columns))
    if missing:
        raise DataError(
            f"{images} has no columns {', '.join(missing)}, expected those of Spark's binaryFile: "
            f"{', '.join(_COLUMNS)}; write the table from spark.read.format('binaryFile')"
        )
    return pictures


def _list(pictures: DataFrame, images: str) -> list[tuple[str, _Picture]]:
    """Return every picture and the file that holds it, in an order that reads each file once."""
    from pyspark.sql import functions as F  # noqa: N812

    table = pictures.select(F.col("_metadata.file_path"), *_key()).toArrow()
    if not len(table):
        raise DataError(f"{images} holds no pictures, expected at least one; check --params images")
    files, *keys = (column.to_pylist() for column in table.columns)
    return sorted(set(zip(files, map(_Picture._make, zip(*keys, strict=True)), strict=True)))


def _key() -> list[Column]:
    """Return the columns of ``_Picture``."""
    from pyspark.sql import functions as F  # noqa: N812

    return [F.col("path"), F.unix_micros("modificationTime"), F.col("length")]


def _done(folder: Path, digest: str) -> set[_Picture]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    done: set[_Picture] = set()
    for path in folder.glob(f"{digest[:12]}-*.parquet"):
        table = pq.read_table(path, columns=["file", "modification_time", "length"])
        modified = table["modification_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        keys = table["file"], modified, table["length"]
        done.update(map(_Picture._make, zip(*(key.to_pylist() for key in keys), strict=True)))
    return done


def _name(version: ModelVersion, chunk: Sequence[tuple[str, _Picture]]) -> str:
    """Name the chunk's file by the model and the pictures in it."""
    content = hashlib.sha256(repr([picture for _, picture in chunk]).encode()).hexdigest()
    return f"{version.digest[:12]}-{content[:20]}.parquet"


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
