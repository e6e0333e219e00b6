"""The pipeline from its golden set on, over real folders: with and without a user's images."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from PIL import Image

from crosscloud_mnist.bundle import Golden
from crosscloud_mnist.client import EndpointStatus
from crosscloud_mnist.datasets.images import ImageFolderDataset
from crosscloud_mnist.errors import SmokeTestError
from crosscloud_mnist.pipelines.smoke_test import create_pipeline
from crosscloud_mnist.pipelines.smoke_test.parameters import SmokeTestParameters
from crosscloud_mnist.ports import Deployment
from rehearsal.mnist_contract import mnist_contract

DEPLOYMENT = Deployment("http://127.0.0.1/invocations", "mnist_cnn", "3", "ab" * 32)


class PredictsOne:
    """An endpoint that predicts 1 for every image."""

    def predict(self, images):
        return np.eye(10)[[1]]


@pytest.fixture
def golden():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:15] = 255
    images = np.stack([image] * 9)
    return Golden(images, np.ones(9, np.uint8), np.tile(np.eye(10, dtype=np.float32)[1], (9, 1)))


@pytest.fixture
def run(tmp_path, golden):
    def run():
        values = {
            "endpoints": {"local": PredictsOne()},
            "statuses": (EndpointStatus("local", DEPLOYMENT),),
            "golden_set": golden,
            "served_contract": mnist_contract(),
            "params:smoke_test": SmokeTestParameters(expect="names"),
        }
        report = JSONDataset(filepath=str(tmp_path / "report.json"))
        catalog = DataCatalog(
            {
                **{k: MemoryDataset(value, copy_mode="assign") for k, value in values.items()},
                "images": ImageFolderDataset(filepath=str(tmp_path / "images")),
                "golden_images": ImageFolderDataset(
                    filepath=str(tmp_path / "golden"), generated=True
                ),
                "smoke_test_report": report,
            }
        )
        pipeline = create_pipeline()
        known = pipeline.only_nodes("check_endpoints", "fetch_golden_set")
        SequentialRunner().run(pipeline - known, catalog)

    return run


def rows(tmp_path):
    report = json.loads((tmp_path / "report.json").read_text())
    return report["golden"], report["images"]


def test_on_an_empty_storage_the_golden_set_is_verified(tmp_path, run):
    run()
    golden, images = rows(tmp_path)
    assert [row["predicted"] for row in golden] == [1] * 9
    assert images == []


def test_a_file_that_is_no_image_is_a_row_and_fails_the_run(tmp_path, run):
    (tmp_path / "images" / "1").mkdir(parents=True)
    drawing = Image.new("L", (60, 60), 250)
    drawing.paste(20, (27, 10, 33, 50))
    drawing.save(tmp_path / "images" / "1" / "IMG_2024.png")
    (tmp_path / "images" / "1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(SmokeTestError, match=r"1 of 11 images failed: 1\.heic cannot be opened"):
        run()
    _, images = rows(tmp_path)
    assert [(row["file"], row["expected"], row["predicted"]) for row in images] == [
        ("1.heic", 1, None),
        ("1/IMG_2024.png", 1, 1),
    ]
