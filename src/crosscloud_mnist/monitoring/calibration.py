"""Calibration: whether a predicted probability is how often the prediction is correct.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017,
https://arxiv.org/abs/1706.04599, equations 2 to 5, with its 15 bins.
"""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

_BINS = 15


class CalibrationBin(TypedDict):
    """The predictions whose confidence is in one bin.

    Attributes:
        images: How many.
        confidence: The mean probability of the predicted class, 0 to 1; 0 for an empty bin.
        accuracy: The share that is correct, 0 to 1; 0 for an empty bin.
    """

    images: int
    confidence: float
    accuracy: float


class Calibration(TypedDict):
    """The calibration on a labelled set, as JSON.

    Attributes:
        bins: Of equal width, from confidence 0 to 1; each holds its upper edge.
        expected_calibration_error: The mean distance between accuracy and confidence, weighted by
            the images of each bin, 0 to 1.
    """

    bins: list[CalibrationBin]
    expected_calibration_error: float


def measure_calibration(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> Calibration:
    """Return the calibration of predictions.

    Args:
        probabilities: [n, classes].
        labels: [n].
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_correct = probabilities.argmax(axis=1) == labels
    position = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    counts, confidences, correct = (
        np.bincount(position, weights=weights, minlength=_BINS)
        for weights in (None, confidence, is_correct.astype(np.float64))
    )
    error = float(np.abs(correct - confidences).sum() / max(len(labels), 1))
    divisor = np.maximum(counts, 1)
    return Calibration(
        bins=[
            CalibrationBin(images=int(images), confidence=float(mean), accuracy=float(accuracy))
            for images, mean, accuracy in zip(
                counts, confidences / divisor, correct / divisor, strict=True
            )
        ],
        expected_calibration_error=error,
    )
