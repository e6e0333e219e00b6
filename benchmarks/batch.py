"""Batch scoring on local Spark: images per second of files and of rows of pixels.

The time from 1x to 20x images; files of several sizes; the same files by the code of an earlier
commit; and a table of pixels against MLflow's ``spark_udf`` and one process. An untrained model
costs the same as a trained one.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from matplotlib.figure import Figure
from PIL import Image

from benchmarks import before, pixel_tables, report
from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.adapters.spark.session_settings import WORKER_REUSE
from crosscloud_mnist.bundle import Bundle, BundleContents, Golden, Signer, TestPredictions, write
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.ports import ChunkSizes, ModelVersion, ScoringProgress
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract
from rehearsal.process_memory import sample_memory

SCALE = float(os.environ.get("SCALE", "1"))  # of all counts, such as 0.05 to try it out
_GROWTH = 20
_IMAGES_1X, _IMAGES_BEFORE, _IMAGES_WARM_UP = (int(count * SCALE) for count in (1000, 1000, 200))
_IMAGES_OF_SIDE = {side: int(count * SCALE) for side, count in ((200, 600), (1000, 60))}
_TABLE_ROWS = int(60_000 * SCALE)
_IMAGES_PER_CHUNK = 2000  # as conf has it
_ROUNDS, _SLOTS = 3, 2
_TEST_IMAGES = "t10k-images-idx3-ubyte"


def main() -> None:
    """Measure and write ``results/batch.json``."""
    os.environ["OMP_NUM_THREADS"] = "1"  # as Spark sets it for its workers; the pool inherits it
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        bundle = _write_bundle(folder)
        sizes = {"warm-up": _IMAGES_WARM_UP, "1x": _IMAGES_1X, "20x": _IMAGES_1X * _GROWTH}
        for name, count in {**sizes, "before": _IMAGES_BEFORE}.items():
            _write_images(folder / name, 28, count)
        for side, count in _IMAGES_OF_SIDE.items():
            _write_images(folder / f"{side} pixels", side, count)
        pixel_tables.write_table(folder / "table", load_as_mnist()[_TEST_IMAGES], _TABLE_ROWS)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            one_process = pool.apply(_measure_one_process, (folder / "1x", bundle))
            arguments = bundle, folder / "table", folder / "one process.parquet"
            table_one_process = pool.apply(pixel_tables.measure_one_process, arguments)
        before_seconds = before.measure(
            *(before.extract(folder), bundle.folder, folder / "warm-up", folder / "before"),
            folder / "before's scores",
        )
        start = time.perf_counter()
        with SparkCluster(f"local[{_SLOTS}]", _SLOTS, conf={WORKER_REUSE: "true"}).session(
            on_driver=False
        ) as spark:
            _measure_job(folder, bundle, "warm-up", "warm-up")
            fixed_seconds = time.perf_counter() - start
            seconds_1x = [_measure_job(folder, bundle, "1x", "first")[0]]
            own = psutil.Process()
            with (
                sample_memory(own, _is_python_worker, seconds=0.25) as workers_bytes,
                sample_memory(own, _is_jvm, seconds=0.25) as jvm_bytes,
            ):
                seconds_20x, progress = _measure_job(folder, bundle, "20x", "large")
            seconds_1x.append(_measure_job(folder, bundle, "1x", "second")[0])
            after_seconds, _ = _measure_job(folder, bundle, "before", "after")
            of_sides = {
                side: count / _measure_job(folder, bundle, f"{side} pixels", f"{side}")[0]
                for side, count in _IMAGES_OF_SIDE.items()
            }
            tables: dict[str, list[float]] = {"batch_score": [], "spark_udf": []}
            for number in range(_ROUNDS + 1):  # the first round starts the Python workers
                scores = folder / f"round {number}"
                tables["batch_score"].append(
                    pixel_tables.measure_batch_score(bundle, folder / "table", scores, _SLOTS)
                )
                tables["spark_udf"].append(
                    pixel_tables.measure_spark_udf(
                        spark, bundle, folder / "table", folder / f"udf {number}"
                    )
                )
    median_1x = statistics.median(seconds_1x)
    rate = _IMAGES_1X * _GROWTH / seconds_20x
    own, udf = (tables[name][1:] for name in ("batch_score", "spark_udf"))
    table_rate = _TABLE_ROWS / statistics.median(own)
    report.write(
        "batch",
        {
            "images_per_second": rate,
            "images_per_second_vs_before": before_seconds / after_seconds,
            **{f"images_per_second_{side}": value for side, value in of_sides.items()},
            "growth_20x": seconds_20x / (_GROWTH * median_1x),
            "workers_memory_growth": _growth(workers_bytes),
            "jvm_memory_growth": _growth(jvm_bytes),
            "vs_one_process": rate / one_process,
            "pixel_table_rows_per_second": table_rate,
            "pixel_table_vs_spark_udf": statistics.median(
                other / each for each, other in zip(own, udf, strict=True)
            ),
            "pixel_table_vs_one_process": table_rate * table_one_process / _TABLE_ROWS,
            "fixed_seconds": fixed_seconds,
        },
        {
            "seconds_1x": seconds_1x,
            "seconds_20x": seconds_20x,
            "images_1x": _IMAGES_1X,
            "images_per_second_one_process": one_process,
            "commit_before": before.COMMIT,
            "seconds_before": before_seconds,
            "seconds_after": after_seconds,
            "table_rows": _TABLE_ROWS,
            "table_seconds": tables,
            "table_seconds_one_process": table_one_process,
            "slots": _SLOTS,
            "per_chunk": _IMAGES_PER_CHUNK,
            "units": "fixed_seconds: the start of Spark and a small job, which the others exclude; "
            "memory_growth: in a job of 20x images, its last quarter by its second",
        },
        _plot(median_1x, progress),
    )


def _measure_job(
    folder: Path, bundle: Bundle, images: str, scores: str
) -> tuple[float, list[ScoringProgress]]:
    version = ModelVersion("mnist_cnn", "1", bundle.digest)
    scorer = SparkBatchScorer(master=None, slots=_SLOTS)
    chunk_sizes = ChunkSizes(images=_IMAGES_PER_CHUNK, rows=_IMAGES_PER_CHUNK)
    arguments = version, bundle.folder, str(folder / images), folder / "scores" / scores
    start = time.perf_counter()
    progress = list(scorer.score(*arguments, chunk_sizes))
    return time.perf_counter() - start, progress


def _is_python_worker(process: psutil.Process) -> bool:
    return "pyspark.daemon" in process.cmdline()


def _is_jvm(process: psutil.Process) -> bool:
    return process.name() == "java"


def _growth(samples: list[int]) -> float:
    """Return the memory of the last quarter of a job by that of its second quarter."""
    quarter = len(samples) // 4
    return statistics.median(samples[-quarter:]) / statistics.median(samples[quarter : 2 * quarter])


def _measure_one_process(images: Path, bundle: Bundle) -> float:
    """Return how many images per second one plain process scores."""
    from crosscloud_mnist.adapters.spark.scoring_task import predict, prepare_file

    onnx, contract = bundle.onnx.read_bytes(), bundle.contract()
    paths = sorted(map(str, images.iterdir()))
    predict([prepare_file(paths[0], contract)], onnx, contract)
    start = time.perf_counter()
    predict([prepare_file(path, contract) for path in paths], onnx, contract)
    return len(paths) / (time.perf_counter() - start)


def _write_images(folder: Path, side: int, count: int) -> None:
    """Write PNG files of digits, all of one size."""
    folder.mkdir()
    digits = idx.decode(load_as_mnist()[_TEST_IMAGES], _TEST_IMAGES)[:count]
    contents = []
    for digit in digits:
        buffer = io.BytesIO()
        Image.fromarray(digit).resize((side, side)).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    for index in range(count):
        (folder / f"{index:05d}.png").write_bytes(contents[index % len(contents)])


def _write_bundle(folder: Path) -> Bundle:
    from crosscloud_mnist.training import export, models

    contract = mnist_contract()
    weights = models.build("compact", contract, seed=0).get_weights()
    model = export.rebuild("compact", contract, weights)
    images = idx.decode(load_as_mnist()[_TEST_IMAGES], _TEST_IMAGES)[:20]
    expected = export.predict(model, images)
    golden = Golden(images, expected.argmax(axis=1).astype(np.uint8), expected)
    contents = BundleContents(
        export.onnx_bytes(model),
        export.keras_bytes(model),
        golden,
        TestPredictions("0" * 64, golden.labels, golden.labels),
        contract,
        {"metrics": {"test_accuracy": 0.1}},  # type: ignore[typeddict-item]
    )
    signer = Signer(str(folder / "key.pem"), str(folder / "key.pub"), generate=True)
    return write(contents, folder / "bundle", signer)


def _plot(median_1x: float, progress: list[ScoringProgress]) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([p.images for p in progress], [p.seconds for p in progress], "o-", label="measured")
    ends = [0, progress[-1].images]
    axes.plot(
        ends,
        [n / _IMAGES_1X * median_1x for n in ends],
        "--",
        label=f"{_IMAGES_1X} images' time, times n",
    )
    axes.set(xlabel="images", ylabel="seconds", title="batch_score on two slots")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
