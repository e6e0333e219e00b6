"""What a bundle holds, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.monitoring import Calibration, TrainingProfile
from crosscloud_mnist.storage.data_card import Splits


class TrainingRun(TypedDict):
    """The tracking run that trained a model.

    Attributes:
        id: Its id.
        url: Its address in MLflow's pages.
    """

    id: str
    url: str


class ModelCard(TypedDict):
    """The lineage of a model and its metrics.

    Attributes:
        dataset: Name of the data set (``mnist``).
        dataset_digest: SHA-256 of the data set, hexadecimal.
        source: Where the data set came from.
        git_commit: Of the code that trained the model.
        lock_digest: SHA-256 of the installed packages' names and versions, hexadecimal.
        metrics: On the test set: ``test_accuracy`` (0 to 1), ``test_loss`` (nats), ``test_images``.
        settings: The training job's.
        worker_reports: What each rank did.
        profile: The distributions of the training images and of the predictions.
        libraries: Versions by name.
        splits: What the splits of the data set hold.
        history: The metrics of each epoch.
        calibration: On the test set.
        run: The run that trained it.
    """

    dataset: str
    dataset_digest: str
    source: str
    git_commit: str
    lock_digest: str
    metrics: Mapping[str, float]
    settings: NotRequired[Mapping[str, object]]
    worker_reports: NotRequired[Sequence[Mapping[str, object]]]
    profile: NotRequired[TrainingProfile]
    libraries: NotRequired[Mapping[str, str]]
    splits: NotRequired[Splits]
    history: NotRequired[Sequence[Mapping[str, float]]]
    calibration: NotRequired[Calibration]
    run: NotRequired[TrainingRun]


@dataclass(frozen=True)
class Golden:
    """The golden set: images with the model's correct answers.

    Attributes:
        images: ``[n, *image_shape]``, uint8, as the contract says.
        labels: [n], uint8.
        expected: [n, classes], float32: the probabilities that Keras returned.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    expected: NDArray[np.float32]


@dataclass(frozen=True)
class TestPredictions:
    """The model's predictions on the test set: two models are compared without the images.

    Attributes:
        test_set: SHA-256 over the test images and labels, hexadecimal.
        labels: [n], uint8.
        predicted: [n], uint8.
    """

    __test__ = False  # pytest collects classes whose names begin with Test

    test_set: str
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledPredictions:
    """Images with their labels and the model's predictions.

    Attributes:
        images: ``[n, *image_shape]``, uint8, as the contract says.
        labels: [n], uint8.
        probabilities: [n, classes], float32.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """Images of the test set, for the report of the model.

    Attributes:
        samples: The same number of every class.
        mistakes: The worst ones, the highest probability first.
    """

    samples: LabelledPredictions
    mistakes: LabelledPredictions


@dataclass(frozen=True)
class BundleContents:
    """What a bundle is written from.

    Attributes:
        onnx: The graph: ``images``, uint8 ``[n, *image_shape]``, to ``probabilities``, float32
            [n, classes].
        keras: The same model as a ``.keras`` file.
        golden: The golden set.
        test_predictions: The predictions on the test set.
        contract: What the graph takes and returns.
        card: Lineage and metrics.
        examples: Images of the test set, for the report.
    """

    onnx: bytes
    keras: bytes
    golden: Golden
    test_predictions: TestPredictions
    contract: Contract
    card: ModelCard
    examples: Examples | None = None
