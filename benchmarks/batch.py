"""Images answered on local Spark: how many a second, and how time grows from 1x to 20x.

The model is small beside the reading of an image, so an untrained one of the demo's kind serves.
"""

from __future__ import annotations

import io
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
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.ports import ModelVersion, ScoringProgress
from crosscloud_mnist.storage import idx

_ONE, _TIMES, _PER_CHUNK = 200, 20, 200
_WARM_UP = 50
_SLOTS = 2


def main() -> None:
    """Measure and write ``results/batch.json``."""
    os.environ["OMP_NUM_THREADS"] = "1"  # as Spark sets it for its workers; the loop inherits it
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        onnx = _model(folder / "bundle")
        sizes = {"warm-up": _WARM_UP, "1x": _ONE, "20x": _ONE * _TIMES}
        contents = _images()
        for name, count in sizes.items():
            (folder / name).mkdir()
            for index in range(count):
                path = folder / name / f"{index:05d}.png"
                path.write_bytes(contents[index % len(contents)])
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            loop = pool.apply(_loop, (contents[:_ONE], onnx))
        start = time.perf_counter()
        with SparkCluster(f"local[{_SLOTS}]", _SLOTS, conf=_REUSE).session(on_driver=False):
            _score(folder, "warm-up", "warm-up")
            fixed = time.perf_counter() - start
            ones = [_score(folder, "1x", "first")[0]]
            twenty, progress = _score(folder, "20x", "large")
            ones.append(_score(folder, "1x", "second")[0])
    one = statistics.median(ones)
    rate = _ONE * _TIMES / twenty
    report.write(
        "batch",
        {
            "images_per_second": rate,
            "growth_20x": twenty / (_TIMES * one),
            "vs_one_process": rate / loop,
            "fixed_seconds": fixed,
        },
        {
            "seconds_1x": ones,
            "seconds_20x": twenty,
            "images_1x": _ONE,
            "images_per_second_one_process": loop,
            "slots": _SLOTS,
            "per_chunk": _PER_CHUNK,
            "units": "fixed_seconds: Spark's start and the first, small job; the others without it",
        },
        _plot(one, progress),
    )


_REUSE = {"spark.python.worker.reuse": "true"}


def _score(folder: Path, images: str, scores: str) -> tuple[float, list[ScoringProgress]]:
    version = ModelVersion("mnist_cnn", "1", "ab" * 32)
    scorer = SparkBatchScorer(master=None, slots=_SLOTS)
    start = time.perf_counter()
    progress = list(
        scorer.score(
            version, folder / "bundle", str(folder / images), folder / "scores" / scores, _PER_CHUNK
        )
    )
    return time.perf_counter() - start, progress


def _loop(contents: list[bytes], onnx: bytes) -> float:
    """Return how many images a second one plain process answers."""
    from crosscloud_mnist.adapters.spark.scoring_task import answer

    answer(contents[0], onnx)
    start = time.perf_counter()
    for content in contents:
        answer(content, onnx)
    return len(contents) / (time.perf_counter() - start)


def _images() -> list[bytes]:
    name = "t10k-images-idx3-ubyte"
    contents = []
    for image in idx.decode(load_as_mnist()[name], name):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    return contents


def _model(bundle: Path) -> bytes:
    from crosscloud_mnist.training import export, models

    weights = models.build("compact", seed=0).get_weights()
    content = export.onnx_bytes(export.rebuild("compact", weights))
    (bundle / "artifacts").mkdir(parents=True)
    (bundle / "artifacts" / "model.onnx").write_bytes(content)
    return content


def _plot(one: float, progress: list[ScoringProgress]) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([p.images for p in progress], [p.seconds for p in progress], "o-", label="measured")
    ends = [0, progress[-1].images]
    axes.plot(ends, [n / _ONE * one for n in ends], "--", label=f"{_ONE} images' time, times n")
    axes.set(xlabel="images", ylabel="seconds", title="batch_score on two slots")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
