"""Scores a folder or table of images on Spark, in chunks that are each written atomically.

The output itself records what is scored. An image is identified by its path, its modification time
and its length, so a run that was killed resumes where it was, whatever the chunk size is next time.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.image_listing import ImageFolder, ImageSource, ListedImage
from crosscloud_mnist.adapters.spark.image_table import is_table, open_table
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.scoring_task import SCHEMA, score_batches
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.ports import ModelVersion, ScoringProgress
from crosscloud_mnist.storage import atomic

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

ScoreBatches = Callable[["Iterator[pa.RecordBatch]"], "Iterator[pa.RecordBatch]"]

_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",  # images in memory at once, per task
    "spark.sql.files.ignoreMissingFiles": "true",  # deleted since the folder was listed
}


class SparkBatchScorer:
    """Scores images with a bundle, on Spark.

    Args:
        master: Spark's master URL; ``None`` takes the existing session (Databricks).
        slots: Tasks that score at once.
    """

    def __init__(self, *, master: str | None, slots: int) -> None:
        self._slots = slots
        self._cluster = SparkCluster(master, slots, conf={"spark.python.worker.reuse": "true"})

    def score(
        self,
        version: ModelVersion,
        bundle: Path,
        location: str,
        scores: Path,
        images_per_chunk: int,
    ) -> Iterator[ScoringProgress]:
        """Score every image that has no row yet: see ``ports.BatchScorer``.

        Raises:
            DataError: There are no images.
        """
        opened = Bundle(bundle, version.digest)
        score_chunk = partial(
            score_batches, onnx=opened.onnx.read_bytes(), contract=opened.contract()
        )
        output = scores / f"model_version={version.version}"
        with self._cluster.session(on_driver=False) as shared:
            spark = shared.newSession()  # its settings are not those of other users
            for name, value in _SETTINGS.items():
                spark.conf.set(name, value)
            with _run_jobs(spark):
                source = _open(spark, location)
                images = source.list_images()
            if not images:
                raise DataError(
                    f"{location} holds no images, expected at least one; correct --params "
                    "images=..."
                )
            earlier = _read_earlier(output, version.digest)
            left = [image for image in images if image not in earlier]
            earlier_rows = [earlier[image] for image in images if image in earlier]
            chunks = [
                left[start : start + images_per_chunk]
                for start in range(0, len(left), images_per_chunk)
            ]
            progress = ScoringProgress(
                chunk=0,
                chunks=len(chunks),
                images=0,
                total=len(left),
                errors=0,
                seconds=0.0,
                earlier_images=len(earlier_rows),
                earlier_errors=sum(earlier_rows),
            )
            yield progress
            started_at = time.monotonic()
            for chunk in chunks:
                with _run_jobs(spark):
                    table = self._score(source.select(chunk), version, score_chunk)
                atomic.write_bytes(output / _file_name(version, chunk), _encode_parquet(table))
                progress = replace(
                    progress,
                    chunk=progress.chunk + 1,
                    images=progress.images + len(chunk),
                    errors=progress.errors + table.num_rows - table["error"].null_count,
                    seconds=time.monotonic() - started_at,
                )
                yield progress

    def _score(
        self, images: DataFrame, version: ModelVersion, score_chunk: ScoreBatches
    ) -> pa.Table:
        from pyspark.sql import functions as F  # noqa: N812  its usual name

        return (
            images.repartition(self._slots)
            .mapInArrow(score_chunk, SCHEMA)
            .withColumn("model_name", F.lit(version.name))
            .withColumn("model_digest", F.lit(version.digest))
            .toArrow()
        )


@contextmanager
def _run_jobs(spark: SparkSession) -> Iterator[None]:
    with cancel_on_signal(spark.sparkContext), translate_job_errors():
        yield


def _open(spark: SparkSession, location: str) -> ImageSource:
    path = Path(location.removeprefix("file:"))
    if path.exists() and not is_table(path):
        return ImageFolder(spark, path)
    return open_table(spark, location)


def _read_earlier(output: Path, digest: str) -> dict[ListedImage, bool]:
    """Return the images that earlier runs scored, and whether their row holds an error."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["file", "modification_time", "length", "error"]
    earlier: dict[ListedImage, bool] = {}
    for path in atomic.find(output, f"{digest[:12]}-*.parquet"):
        table = pq.read_table(path, columns=columns)
        modified = table["modification_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        keys = (column.to_pylist() for column in (table["file"], modified, table["length"]))
        images = map(ListedImage._make, zip(*keys, strict=True))
        has_error = table["error"].is_valid().to_pylist()
        earlier.update(zip(images, has_error, strict=True))
    return earlier


def _file_name(version: ModelVersion, chunk: Sequence[ListedImage]) -> str:
    """Name the chunk's file by the model and the images in it."""
    images_sha256 = hashlib.sha256(repr([tuple(image) for image in chunk]).encode()).hexdigest()
    return f"{version.digest[:12]}-{images_sha256[:20]}.parquet"


def _encode_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
