"""The test images that the report of a model shows: samples of every class, and mistakes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import Examples, LabelledPredictions
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.pipelines.train_distributed.evaluation import Predictions

_SAMPLES_PER_CLASS = 6
_MAX_MISTAKES = 24


def select_examples(test_set: LabelledImages, test_predictions: Predictions) -> Examples:
    """Return the first test images of every class, and the worst mistakes.

    The worst mistake is the wrong prediction with the highest probability.
    """
    images, labels = test_set
    probabilities = test_predictions["probabilities"]
    samples = [
        np.flatnonzero(labels == label)[:_SAMPLES_PER_CLASS]
        for label in range(probabilities.shape[1])
    ]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    worst = wrong[np.argsort(-probabilities.max(axis=1)[wrong], kind="stable")][:_MAX_MISTAKES]

    def select(indices: NDArray[np.intp]) -> LabelledPredictions:
        return LabelledPredictions(images[indices], labels[indices], probabilities[indices])

    return Examples(samples=select(np.concatenate(samples)), mistakes=select(worst))
