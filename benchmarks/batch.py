"""Batch scoring on local Spark: images per second, and how time grows from 1x to 20x images.

Reading an image takes far longer than the model, so an untrained model is good enough.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from benchmarks import report
from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.adapters.spark.session_settings import WORKER_REUSE
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.ports import ChunkSizes, ModelVersion, ScoringProgress
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract

_IMAGES_1X, _GROWTH, _IMAGES_PER_CHUNK = 200, 20, 200
_IMAGES_WARM_UP = 50
_SLOTS = 2


def main() -> None:
    """Measure and write ``results/batch.json``."""
    os.environ["OMP_NUM_THREADS"] = "1"  # as Spark sets it for its workers; the pool inherits it
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        onnx = _write_model(folder / "bundle")
        sizes = {"warm-up": _IMAGES_WARM_UP, "1x": _IMAGES_1X, "20x": _IMAGES_1X * _GROWTH}
        contents = _encode_images()
        for name, count in sizes.items():
            (folder / name).mkdir()
            for index in range(count):
                path = folder / name / f"{index:05d}.png"
                path.write_bytes(contents[index % len(contents)])
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            one_process = pool.apply(_measure_one_process, (contents[:_IMAGES_1X], onnx))
        start = time.perf_counter()
        with SparkCluster(f"local[{_SLOTS}]", _SLOTS, conf={WORKER_REUSE: "true"}).session(
            on_driver=False
        ):
            _measure_job(folder, "warm-up", "warm-up")
            fixed_seconds = time.perf_counter() - start
            seconds_1x = [_measure_job(folder, "1x", "first")[0]]
            seconds_20x, progress = _measure_job(folder, "20x", "large")
            seconds_1x.append(_measure_job(folder, "1x", "second")[0])
    median_1x = statistics.median(seconds_1x)
    rate = _IMAGES_1X * _GROWTH / seconds_20x
    report.write(
        "batch",
        {
            "images_per_second": rate,
            "growth_20x": seconds_20x / (_GROWTH * median_1x),
            "vs_one_process": rate / one_process,
            "fixed_seconds": fixed_seconds,
        },
        {
            "seconds_1x": seconds_1x,
            "seconds_20x": seconds_20x,
            "images_1x": _IMAGES_1X,
            "images_per_second_one_process": one_process,
            "slots": _SLOTS,
            "per_chunk": _IMAGES_PER_CHUNK,
            "units": "fixed_seconds: the start of Spark and a small job, which the others exclude",
        },
        _plot(median_1x, progress),
    )


def _measure_job(folder: Path, images: str, scores: str) -> tuple[float, list[ScoringProgress]]:
    version = ModelVersion("mnist_cnn", "1", "ab" * 32)
    scorer = SparkBatchScorer(master=None, slots=_SLOTS)
    start = time.perf_counter()
    progress = list(
        scorer.score(
            version,
            folder / "bundle",
            str(folder / images),
            folder / "scores" / scores,
            ChunkSizes(_IMAGES_PER_CHUNK, _IMAGES_PER_CHUNK),
        )
    )
    return time.perf_counter() - start, progress


def _measure_one_process(contents: list[bytes], onnx: bytes) -> float:
    """Return how many images per second one plain process scores."""
    from crosscloud_mnist.adapters.spark.scoring_task import predict, prepare_image

    contract = mnist_contract()
    predict([prepare_image(contents[0], contract)], onnx, contract)
    start = time.perf_counter()
    predict([prepare_image(content, contract) for content in contents], onnx, contract)
    return len(contents) / (time.perf_counter() - start)


def _encode_images() -> list[bytes]:
    name = "t10k-images-idx3-ubyte"
    contents = []
    for image in idx.decode(load_as_mnist()[name], name):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    return contents


def _write_model(bundle: Path) -> bytes:
    from crosscloud_mnist.training import export, models

    weights = models.build("compact", mnist_contract(), seed=0).get_weights()
    content = export.onnx_bytes(export.rebuild("compact", mnist_contract(), weights))
    (bundle / "artifacts").mkdir(parents=True)
    contract = json.dumps(mnist_contract().to_record())
    (bundle / "artifacts" / "contract.json").write_text(contract)
    (bundle / "artifacts" / "model.onnx").write_bytes(content)
    return content


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
