"""Scores images on Spark, in chunks that are each written atomically.

They are image files, in which a digit is searched for, or rows of pixels, which the model takes as
they are.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark import pixel_parts
from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.image_listing import ImageFolder, walk
from crosscloud_mnist.adapters.spark.image_table import ImageTable, is_table
from crosscloud_mnist.adapters.spark.image_work import plan_images, read_earlier
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.open_table import open_table
from crosscloud_mnist.adapters.spark.pixel_source import PixelFile, is_pixel_file
from crosscloud_mnist.adapters.spark.pixel_table import PixelTable
from crosscloud_mnist.adapters.spark.pixel_task import score_pixels
from crosscloud_mnist.adapters.spark.pixel_work import plan_pixels
from crosscloud_mnist.adapters.spark.scoring_task import score_batches
from crosscloud_mnist.adapters.spark.scoring_work import Chunk, Work
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.ports import ChunkSizes, ModelVersion, ScoringProgress
from crosscloud_mnist.storage import atomic

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_IMAGES_IN_MEMORY, _ROWS_IN_MEMORY = 64, 2048  # at once, per task
_SETTINGS = {
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
        chunk_sizes: ChunkSizes,
    ) -> Iterator[ScoringProgress]:
        """Score every image that has no row yet: see ``ports.BatchScorer``.

        Raises:
            DataError: There are no images.
        """
        opened = Bundle(bundle, version.digest)
        output = scores / f"model_version={version.version}"
        with self._cluster.session(on_driver=False) as shared:
            spark = shared.newSession()  # its settings are not those of other users
            with _run_jobs(spark):
                work = self._plan(spark, location, output, opened, chunk_sizes)
            if not work.images and not work.earlier_images:
                raise DataError(
                    f"{location} holds no images, expected at least one; correct --params "
                    "images=..."
                )
            progress = ScoringProgress(
                chunk=0,
                chunks=len(work.chunks),
                images=0,
                total=work.images,
                errors=0,
                seconds=0.0,
                earlier_images=work.earlier_images,
                earlier_errors=work.earlier_errors,
            )
            yield progress
            started_at = time.monotonic()
            for chunk in work.chunks:
                with _run_jobs(spark):
                    table = _score(chunk, version)
                atomic.write_bytes(output / _file_name(version, chunk), _encode_parquet(table))
                progress = replace(
                    progress,
                    chunk=progress.chunk + 1,
                    images=progress.images + chunk.images,
                    errors=progress.errors + table.num_rows - table["error"].null_count,
                    seconds=time.monotonic() - started_at,
                )
                yield progress

    def _plan(
        self,
        spark: SparkSession,
        location: str,
        output: Path,
        bundle: Bundle,
        chunk_sizes: ChunkSizes,
    ) -> Work:
        """Return what is left to score at the location, in chunks."""
        onnx, contract = bundle.onnx.read_bytes(), bundle.contract()
        source = _open(spark, location, contract.image_shape)
        if isinstance(source, ImageFolder | ImageTable):
            _configure(spark, _IMAGES_IN_MEMORY)
            earlier = read_earlier(output, bundle.digest)
            score_files = partial(score_batches, onnx=onnx, contract=contract)
            return plan_images(source, earlier, chunk_sizes.images, self._slots, score_files)
        _configure(spark, _ROWS_IN_MEMORY)
        scored = pixel_parts.read_scored(output, bundle.digest)
        score_rows = partial(score_pixels, onnx=onnx, contract=contract)
        return plan_pixels(source, scored, chunk_sizes.rows, score_rows)


@contextmanager
def _run_jobs(spark: SparkSession) -> Iterator[None]:
    with cancel_on_signal(spark.sparkContext), translate_job_errors():
        yield


def _open(
    spark: SparkSession, location: str, shape: Sequence[int]
) -> ImageFolder | ImageTable | PixelFile | PixelTable:
    path = Path(location.removeprefix("file:"))
    if is_pixel_file(path):
        return PixelFile(spark, path, shape)
    if not path.exists():
        return open_table(spark, location, shape)
    if is_table(path):
        return open_table(spark, str(path), shape)
    _check_images(path)
    return ImageFolder(spark, path)


def _check_images(folder: Path) -> None:
    """Reject a folder in which every file holds rows of pixels, as Kaggle unpacks its own.

    Raises:
        DataError: It is one.
    """
    first = None
    for path in walk(folder):
        if not is_pixel_file(path):
            return
        first = first or path
    if first:
        raise DataError(
            f"{folder} holds rows of pixels and no image file, expected a folder of images, or one "
            f"file of pixels; name the file: --params images={first}"
        )


def _configure(spark: SparkSession, rows_in_memory: int) -> None:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(rows_in_memory))
    for name, value in _SETTINGS.items():
        spark.conf.set(name, value)


def _score(chunk: Chunk, version: ModelVersion) -> pa.Table:
    from pyspark.sql import functions as F  # noqa: N812  its usual name

    scores = (
        chunk.score()
        .withColumn("model_name", F.lit(version.name))
        .withColumn("model_digest", F.lit(version.digest))
    )
    return chunk.finish(scores.toArrow())


def _file_name(version: ModelVersion, chunk: Chunk) -> str:
    """Name the chunk's file by the model and the images in it."""
    images_sha256 = hashlib.sha256(chunk.identity.encode()).hexdigest()
    return f"{version.digest[:12]}-{images_sha256[:20]}.parquet"


def _encode_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
