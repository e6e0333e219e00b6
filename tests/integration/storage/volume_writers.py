"""Writes everything that this package keeps on storage, and reads it again.

python volume_writers.py FOLDER [NAME ...]

Prints the outcome of each writer as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.text import TextDataset
from PIL import Image

from crosscloud_mnist.bundle import BundleContents, TestPredictions
from crosscloud_mnist.datasets.arrays import ArraysDataset
from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.datasets.images import ImageFolderDataset
from crosscloud_mnist.datasets.model_uri import LAST_TRAINED, ModelUriDataset
from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.storage import atomic
from crosscloud_mnist.storage.run_lock import RunLock
from crosscloud_mnist.training import checkpoint, epoch_records
from crosscloud_mnist.training.result import EpochMetrics
from rehearsal.dense_bundle import dense_contents

folder = Path(sys.argv[1])
METRICS = EpochMetrics(1, 3, 0.5, 0.8, 0.4, 0.9, 0.001, 2.0, 1000.0, 1.5)


def contents() -> BundleContents:
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    predictions = TestPredictions("ef" * 32, np.zeros(3, np.uint8), np.zeros(3, np.uint8))
    origin = {"dataset": "uci-digits", "dataset_digest": "ab" * 32, "source": "scikit-learn"}
    commit = {"git_commit": "cd" * 20, "lock_digest": "12" * 32}
    return dense_contents(images, predictions, {**origin, **commit, "metrics": {}})


def bundle_dataset() -> BundleDataset:
    keys = Path(tempfile.gettempdir()) / "volume-writers-keys"
    credentials = {
        "private_key": str(keys / "signing.pem"),
        "public_key": str(keys / "signing.pub"),
    }
    return BundleDataset(
        filepath=str(folder / "bundle"), credentials=credentials, generate_signing_key=True
    )


def write_bundle() -> None:
    for _ in range(2):  # the second replaces the first
        bundle_dataset().save(contents())
    assert bundle_dataset().load().onnx.read_bytes() == contents().onnx


def load_bundle() -> None:
    bundle_dataset().load()


def write_images() -> None:
    dataset = ImageFolderDataset(filepath=str(folder / "images"), generated=True)
    for name in ("a-1", "b-2"):
        dataset.save({name: Image.new("L", (20, 10), 120)})
    assert list(dataset.load()) == ["b-2.png"]


def write_shards() -> None:
    for count in (8, 4):
        dataset = ShardsDataset(path=str(folder / "training"), shards=count, image_shape=(28, 28))
        images = np.random.default_rng(0).integers(0, 256, (16, 28, 28), np.uint8)
        dataset.save((images, np.arange(16, dtype=np.uint8) % 10))
        np.testing.assert_array_equal(dataset.load()[0], images)
    assert len(list((folder / "training").iterdir())) == 8


def write_arrays() -> None:
    dataset = ArraysDataset(filepath=str(folder / "weights.npz"))
    dataset.save({"a": np.arange(300_000)})
    np.testing.assert_array_equal(dataset.load()["a"], np.arange(300_000))


def write_checkpoints() -> None:
    path = str(folder / "checkpoints")
    for epoch in (1, 2, 3):
        history = [replace(METRICS, epoch=number) for number in range(1, epoch + 1)]
        checkpoint.save(path, history, [np.full(100_000, epoch)])
        epoch_records.write(path, history[-1])
    assert checkpoint.load(path, checkpoint.last_epoch(path)).variables[0][0] == 3
    assert epoch_records.read(path, 2) == replace(METRICS, epoch=2)
    checkpoint.remove_folder(path)
    assert not Path(path).exists()


def write_model_uri() -> None:
    dataset = ModelUriDataset(filepath=str(folder / "model_uri.txt"), given=LAST_TRAINED)
    dataset.save("models:/m-0123")
    assert dataset.load() == "models:/m-0123"


def write_reports() -> None:
    from matplotlib.figure import Figure

    mpl.use("Agg")
    report, text = folder / "reports" / "report.json", folder / "reports" / "summary.txt"
    for _ in range(2):
        JSONDataset(filepath=str(report), save_args={"indent": 2}).save({"key": [1] * 10_000})
        TextDataset(filepath=str(text)).save("text" * 10_000)
        MatplotlibDataset(filepath=str(report.with_suffix(".png"))).save(Figure())
    assert JSONDataset(filepath=str(report)).load() == {"key": [1] * 10_000}


def write_stream() -> None:
    atomic.write_chunks(folder / "shard", (bytes(1000) for _ in range(5000)))
    assert len(atomic.read_bytes(folder / "shard")) == 5_000_000


def lock() -> None:
    warnings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("crosscloud_mnist").addHandler(handler)
    for _ in range(2):  # the first is never released, as by a job that was killed
        RunLock(folder, ["train"], "train").acquire()
    assert len(warnings) == 2
    assert "has no file locks" in warnings[0]


WRITERS: dict[str, Callable[[], None]] = {
    "bundle": write_bundle,
    "images": write_images,
    "shards": write_shards,
    "arrays": write_arrays,
    "checkpoints": write_checkpoints,
    "model URI": write_model_uri,
    "reports": write_reports,
    "stream": write_stream,
    "run lock": lock,
}

if __name__ == "__main__":
    outcomes = {}
    for name, write in WRITERS.items():
        try:
            write()
            outcomes[name] = "written"
        except Exception:  # noqa: BLE001  the test shows it
            outcomes[name] = traceback.format_exc()
    sys.stdout.write(json.dumps(outcomes))
