"""Distributions of images and of predictions, as JSON: they travel in the bundle's card."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.monitoring import statistics

_BINS = 10  # deciles, as in credit scoring
_CONFIDENCE_EDGES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


class Distribution(TypedDict):
    """The distribution of one statistic.

    Attributes:
        shares: The share of each bin; they sum to 1.
        edges: Between the bins, where the statistic is a number; without them each bin is a class.
    """

    shares: list[float]
    edges: NotRequired[list[float]]


class Profile(TypedDict):
    """The distributions of a set of images, or of predictions.

    Attributes:
        images: How many were counted.
        statistics: Each statistic's distribution, by its name.
    """

    images: int
    statistics: dict[str, Distribution]


class TrainingProfile(TypedDict):
    """What a model was trained for.

    Attributes:
        inputs: Of the training images.
        predictions: Of the predictions on the validation set.
    """

    inputs: Profile
    predictions: Profile


def profile_images(images: NDArray[np.uint8], reference: Profile | None = None) -> Profile:
    """Return the distributions of the images' statistics.

    Args:
        images: ``[n, *image_shape]``, uint8.
        reference: A profile whose bins to use; by default bins are the deciles of these images.
    """
    distributions: dict[str, Distribution] = {}
    for name, values in statistics.per_image(images).items():
        edges = reference["statistics"][name]["edges"] if reference else _deciles(values)
        distributions[name] = {"edges": edges, "shares": _shares(values, edges)}
    for name, shares in statistics.aggregate(images).items():
        distributions[name] = {"shares": shares.round(6).tolist()}
    return {"images": len(images), "statistics": distributions}


def profile_predictions(probabilities: NDArray[np.floating[Any]]) -> Profile:
    """Return the distributions of the predicted classes, and of the confidence in them.

    Args:
        probabilities: [n, classes].
    """
    counts = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    classes = counts / max(len(probabilities), 1)
    edges = list(_CONFIDENCE_EDGES)
    confidence = _shares(probabilities.max(axis=1), edges)
    return {
        "images": len(probabilities),
        "statistics": {
            "classes": {"shares": classes.round(6).tolist()},
            "confidence": {"edges": edges, "shares": confidence},
        },
    }


def _deciles(values: NDArray[np.float64]) -> list[float]:
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges: list[float] = np.unique(np.quantile(values, inner).round(6)).tolist()
    return edges


def _shares(values: NDArray[np.floating[Any]], edges: list[float]) -> list[float]:
    """Return the shares of the values in the bins that the edges bound."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    shares: list[float] = (counts / max(len(values), 1)).round(6).tolist()
    return shares
