"""A table of pixels: ``batch_score``, MLflow's ``spark_udf``, and one process, on the same rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.pixel_task import score_pixels
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.ports import ChunkSizes, ModelVersion
from crosscloud_mnist.storage import idx

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FILES = 4
_ROWS_PER_CHUNK = 100_000  # as conf has it
_BATCH_ROWS = 2048


def write_table(folder: Path, images: bytes, rows: int) -> None:
    """Write a Parquet table: ``id``, and ``pixels`` as arrays of 784 numbers.

    Args:
        folder: Of the table.
        images: An IDX file, whose images are repeated.
        rows: Of the table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    pixels = idx.decode(images, "images").reshape(-1, 784).astype(np.int32)
    for number, ids in enumerate(np.array_split(np.arange(rows), _FILES)):
        values = pa.array(pixels[ids % len(pixels)].ravel())
        arrays = pa.ListArray.from_arrays(np.arange(0, 784 * len(ids) + 1, 784), values)
        pq.write_table(pa.table({"id": ids, "pixels": arrays}), folder / f"{number}.parquet")


def measure_batch_score(bundle: Bundle, table: Path, scores: Path, slots: int) -> float:
    """Return the seconds of ``batch_score``'s own job, from the table to the written scores."""
    version = ModelVersion("mnist_cnn", "1", bundle.digest)
    scorer = SparkBatchScorer(master=None, slots=slots)
    chunk_sizes = ChunkSizes(images=_ROWS_PER_CHUNK, rows=_ROWS_PER_CHUNK)
    start = time.perf_counter()
    *_, last = scorer.score(version, bundle.folder, str(table), scores, chunk_sizes)
    if last.errors:
        raise SystemExit(f"{last.errors} of {last.images} rows were not scored")
    return time.perf_counter() - start


def measure_spark_udf(spark: SparkSession, bundle: Bundle, table: Path, scores: Path) -> float:
    """Return the seconds of ``mlflow.pyfunc.spark_udf``, from the table to the written scores."""
    import mlflow.pyfunc
    from pyspark.sql import functions as F  # noqa: N812  its usual name

    start = time.perf_counter()
    predict = mlflow.pyfunc.spark_udf(
        spark, str(bundle.folder), result_type="array<float>", env_manager="local"
    )
    rows = spark.read.parquet(str(table))
    rows.select("id", predict(F.col("pixels")).alias("probabilities")).write.parquet(str(scores))
    return time.perf_counter() - start


def measure_one_process(bundle: Bundle, table: Path, scores: Path) -> float:
    """Return the seconds of one process without Spark that does what a task does."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    start = time.perf_counter()
    onnx, contract = bundle.onnx.read_bytes(), bundle.contract()

    def read() -> Iterator[pa.RecordBatch]:
        for batch in ds.dataset(table).to_batches(batch_size=_BATCH_ROWS):
            rows = batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [
                    batch["id"].cast(pa.string()),
                    pa.repeat(pa.scalar(0, pa.timestamp("us", "UTC")), rows),
                    pa.repeat(pa.scalar(0, pa.int64()), rows),
                    pa.repeat("table", rows),
                    batch["pixels"],
                ],
                names=["file", "modification_time", "length", "part", "pixels"],
            )

    pq.write_table(pa.Table.from_batches(score_pixels(read(), onnx, contract)), scores)
    return time.perf_counter() - start
