"""MNIST for the benchmark, ingested as the project does, in its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from numpy.typing import NDArray

from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.pipelines.ingest_mnist.nodes import decode, split
from crosscloud_mnist.pipelines.ingest_mnist.parameters import IngestMnistParameters
from crosscloud_mnist.settings import CONFIG_LOADER_ARGS
from crosscloud_mnist.training.config import parse_config
from crosscloud_mnist.training.job import TrainingJob
from rehearsal.mnist_contract import mnist_contract

PROJECT = Path(__file__).parents[2]
_SHARDS = 8
LabelledImages = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def recipe(name: str) -> dict[str, Any]:
    """Return a recipe's settings, from the project's own conf."""
    selected = {"train_distributed": {"recipe": name}}
    settings = _loader(selected)["parameters"]["train_distributed"]["settings"]
    return dict(settings)


def prepare(folder: Path, times: int = 1) -> None:
    """Write training, validation and test shards; the training set is repeated ``times`` times."""
    loader = _loader({})
    entries = {"mnist": loader["catalog"]["mnist"]}
    training, test, _ = decode(DataCatalog.from_config(entries).load("mnist"), mnist_contract())
    parameters = IngestMnistParameters(**loader["parameters"]["ingest_mnist"])
    (images, labels), validation = split(training, parameters)
    repeated = np.tile(images, (times, 1, 1)), np.tile(labels, times)
    for name, part in (("training", repeated), ("validation", validation), ("test", test)):
        ShardsDataset(
            path=str(folder / name), shards=_SHARDS, image_shape=mnist_contract().image_shape
        ).save(part)


def load(folder: Path, name: str) -> LabelledImages:
    """Return the arrays of one split."""
    loaded: LabelledImages = ShardsDataset(
        path=str(folder / name), shards=_SHARDS, image_shape=mnist_contract().image_shape
    ).load()
    return loaded


def job(folder: Path, checkpoint_dir: Path, settings: Mapping[str, Any]) -> TrainingJob:
    """Return a job on the shards in ``folder``."""
    shards = {
        name: ShardsDataset(
            path=str(folder / name),
            shards=_SHARDS,
            image_shape=mnist_contract().image_shape,
            handles=True,
        ).load()
        for name in ("training", "validation")
    }
    return TrainingJob(
        config=parse_config(settings),
        contract=mnist_contract(),
        train=shards["training"],
        validation=shards["validation"],
        checkpoint_dir=str(checkpoint_dir),
    )


def _loader(parameters: Mapping[str, Any]) -> OmegaConfigLoader:
    return OmegaConfigLoader(
        str(PROJECT / "conf"), env="base", runtime_params=dict(parameters), **CONFIG_LOADER_ARGS
    )
