"""One measurement in a process of its own: ``python -m benchmarks.training.measure NAME JSON``.

The last line of its output is the result as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.training import data
from crosscloud_mnist.training.result import EpochMetrics

_SLOTS = 2


def case_speed(*, folder: str, steps: int, epochs: int) -> dict[str, Any]:
    """Images a second, and a CPU-second, of the case's ``train()``, epochs after the first."""
    import keras

    from benchmarks.training.case import BATCH_SIZE, train

    times: list[tuple[float, float]] = []
    timer = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: times.append((time.perf_counter(), time.process_time()))
    )
    train(
        *data.load(Path(folder), "training"),
        epochs=epochs,
        steps_per_epoch=steps,
        callbacks=[timer],
    )
    images = steps * BATCH_SIZE * (epochs - 1)
    wall, cpu = (last - first for first, last in zip(times[0], times[-1], strict=True))
    return {"images_per_second": images / wall, "images_per_cpu_second": images / cpu}


def case_curve(*, folder: str, target: float, epochs: int) -> dict[str, Any]:
    """Train the case with Adam until the best epoch on validation passes the target on test."""
    import keras

    from benchmarks.training.case import train

    held = [data.load(Path(folder), name) for name in ("validation", "test")]
    curve: list[dict[str, float]] = []

    class Evaluator(keras.callbacks.Callback):  # type: ignore[misc]
        """Evaluates between epochs; its own time does not count."""

        def __init__(self) -> None:
            super().__init__()
            self._start, self._trained = 0.0, 0.0

        def on_epoch_begin(self, *_: Any) -> None:
            self._start = time.perf_counter()

        def on_epoch_end(self, *_: Any) -> None:
            self._trained += time.perf_counter() - self._start
            predictions = [
                self.model.predict(x[..., None] / np.float32(255), 500, 0) for x, _ in held
            ]
            validation, test = (
                float((probabilities.argmax(1) == y).mean())
                for probabilities, (_, y) in zip(predictions, held, strict=True)
            )
            labels = held[0][1]
            of_label = predictions[0][np.arange(len(labels)), labels]
            loss = float(-np.log(of_label.clip(1e-30)).mean())
            curve.append(
                {
                    "seconds": self._trained,
                    "validation": validation,
                    "val_loss": loss,
                    "test": test,
                }
            )
            if select_best(curve)["test"] >= target:
                self.model.stop_training = True

    train(
        *data.load(Path(folder), "training"),
        optimizer="adam",
        epochs=epochs,
        callbacks=[Evaluator()],
    )
    return {"curve": curve}


def ours(
    *,
    folder: str,
    mode: str,
    settings: Mapping[str, Any],
    read_all: bool = False,
    started: float = 0.0,
) -> dict[str, Any]:
    """Train in one of the modes; epochs after the first count for the speed."""
    from benchmarks.training.slot import train_and_measure
    from crosscloud_mnist.adapters.spark.launcher import SparkLauncher

    os.environ["PYTHONPATH"] = str(data.PROJECT)  # for the executors
    with tempfile.TemporaryDirectory() as records:
        job = data.job(Path(folder), Path(records), settings)
        launcher = SparkLauncher(master=f"local[{_SLOTS}]", slots=_SLOTS)
        launched = time.time()
        result = launcher.launch(
            partial(train_and_measure, read_all=read_all), job, mode, lambda _: None
        )
        ended = time.time()
        ranks = [json.loads(path.read_text()) for path in Path(records).glob("rank-*.json")]
    first, *later = result.history
    images = job.config.steps_per_epoch * job.config.global_batch_size
    seconds = [images / epoch.images_per_second for epoch in later]
    first_step, last_step = max(r["started"] for r in ranks), min(r["ended"] for r in ranks)
    return {
        "images_per_second": images * len(later) / sum(seconds),
        "images_per_cpu_second": images * len(later) / sum(e.cpu_seconds for e in later),
        "precision": result.worker_reports[0].precision,
        "peak_mb": [rank["peak_mb"] for rank in ranks],
        "overhead": {
            "process and driver imports": launched - started,
            "Spark, barrier and preflight": first_step - launched,
            "TensorFlow import and model": last_step
            - first_step
            - sum(e.seconds for e in result.history),
            "tracing": first.seconds - min(epoch.seconds for epoch in later),
            "result and Spark's end": ended - last_step,
        },
    }


def our_curve(*, folder: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Train in this process; the accuracies of every epoch come from its checkpoint, afterwards."""
    from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
    from crosscloud_mnist.training import checkpoint, export
    from crosscloud_mnist.training.models import build
    from crosscloud_mnist.training.train import train

    kept: dict[int, Any] = {}
    with tempfile.TemporaryDirectory() as records:
        job = data.job(Path(folder), Path(records), settings)

        def keep(epoch: EpochMetrics) -> None:
            kept[epoch.epoch] = checkpoint.load(records, epoch.epoch).variables

        launcher = SparkLauncher(master=None, slots=1)
        result = launcher.launch(train, job, "single", keep)
    images, labels = data.load(Path(folder), "test")
    config, seconds, curve = job.config, 0.0, []
    for epoch in result.history:
        seconds += config.steps_per_epoch * config.global_batch_size / epoch.images_per_second
        model = build(config.model, job.contract, config.seed)
        for variable, value in zip(model.variables, kept[epoch.epoch], strict=False):
            variable.assign(value)
        rebuilt = export.rebuild(config.model, job.contract, model.get_weights())
        predicted = export.predict(rebuilt, images).argmax(1)
        curve.append(
            {
                "seconds": seconds,
                "validation": epoch.val_accuracy,
                "val_loss": epoch.val_loss,
                "test": float((predicted == labels).mean()),
            }
        )
    selected = curve[result.selected.epoch - 1]
    return {"curve": curve, "selected": selected, "precision": result.worker_reports[0].precision}


def peak(*, precision: str) -> dict[str, Any]:
    """The matmul peak of a precision; the case's CNN's operations, and its convolutions alone."""
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from benchmarks.training.ceiling import convolutions_alone, matmul_peak, training_flop
    from crosscloud_mnist.training.models import build
    from rehearsal.mnist_contract import mnist_contract

    dtype = "bfloat16" if precision == "mixed_bfloat16" else "float32"
    model = build("baseline", mnist_contract(), 0)
    return {
        "dtype": dtype,
        "flop_per_second": matmul_peak(dtype),
        "flop_per_image": training_flop(model),
        "convolutions_alone_per_second": convolutions_alone(model, dtype),
    }


def select_best(curve: list[dict[str, float]]) -> dict[str, float]:
    """Return the epoch with the lowest validation loss, as training selects it."""
    return min(curve, key=lambda epoch: epoch["val_loss"])


_ALL: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (case_speed, case_curve, ours, our_curve, peak)
}

if __name__ == "__main__":
    print(json.dumps(_ALL[sys.argv[1]](**json.loads(sys.argv[2]))))
