"""Nodes of ``train_distributed`` that predict with the trained model, and evaluate it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.training import export
from crosscloud_mnist.training.config import Setting, parse_config
from crosscloud_mnist.training.export import ModelSummary

Weights = Mapping[str, NDArray[np.float32]]


class Predictions(TypedDict):
    """The predictions on a labelled set, as arrays in one file.

    Attributes:
        labels: [n], uint8.
        probabilities: [n, classes], float32.
        sha256: [], of the images and labels, hexadecimal.
    """

    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    sha256: NDArray[np.str_]


class Evaluation(TypedDict):
    """The metrics on the test set, as JSON.

    Attributes:
        test_accuracy: 0 to 1.
        test_loss: Mean cross-entropy, nats.
        test_images: How many.
    """

    test_accuracy: float
    test_loss: float
    test_images: int


class EvaluationOutputs(TypedDict):
    """The evaluation, by the names of its catalog entries."""

    evaluation: Evaluation
    test_accuracy: float
    test_loss: float


def predict(
    settings: Mapping[str, Setting], weights: Weights, contract: Contract, labelled: LabelledImages
) -> Predictions:
    """Return the predictions of the trained model on a labelled set."""
    images, labels = labelled
    model = export.rebuild(parse_config(settings).model, contract, list(weights.values()))
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    return Predictions(
        labels=labels, probabilities=export.predict(model, images), sha256=np.array(digest)
    )


def evaluate(test_predictions: Predictions) -> EvaluationOutputs:
    """Return the metrics on the test set, which no choice was made by."""
    labels, probabilities = test_predictions["labels"], test_predictions["probabilities"]
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean())
    return EvaluationOutputs(
        evaluation=Evaluation(test_accuracy=accuracy, test_loss=loss, test_images=len(labels)),
        test_accuracy=accuracy,
        test_loss=loss,
    )


def summarize_model(
    settings: Mapping[str, Setting], weights: Weights, contract: Contract
) -> ModelSummary:
    """Return the model's layers with their shapes and parameter counts."""
    model = export.rebuild(parse_config(settings).model, contract, list(weights.values()))
    return export.summarize(model)
