"""Distributions as JSON holds them: they travel in the bundle's card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.monitoring import statistics

Profile = dict[str, Any]
"""``images`` (how many) and ``of``: for each statistic its ``shares``, and the inner ``edges`` of
the bins where it is one of values."""

_BINS = 10  # deciles, as credit scoring has them
_CONFIDENCE = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def profile_images(images: NDArray[np.uint8], reference: Profile | None = None) -> Profile:
    """Return the distributions of the images' statistics.

    Args:
        images: [n, 28, 28], uint8, light ink on dark ground.
        reference: The profile whose bins to count in; without one, bins are the deciles.
    """
    of = {}
    for name, values in statistics.per_image(images).items():
        edges = reference["statistics"][name]["edges"] if reference else _deciles(values)
        of[name] = {"edges": edges, "shares": _shares(values, edges)}
    for name, shares in statistics.aggregate(images).items():
        of[name] = {"shares": shares.round(6).tolist()}
    return {"images": len(images), "statistics": of}


def profile_predictions(probabilities: NDArray[np.floating[Any]]) -> Profile:
    """Return the distributions of the digits named, and of the confidence in them.

    Args:
        probabilities: [n, 10].
    """
    digits = np.bincount(probabilities.argmax(axis=1), minlength=10) / max(len(probabilities), 1)
    edges = list(_CONFIDENCE)
    confidence = _shares(probabilities.max(axis=1), edges)
    return {
        "images": len(probabilities),
        "statistics": {
            "digits": {"shares": digits.round(6).tolist()},
            "confidence": {"edges": edges, "shares": confidence},
        },
    }


def _deciles(values: NDArray[np.float64]) -> list[float]:
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges: list[float] = np.unique(np.quantile(values, inner).round(6)).tolist()
    return edges


def _shares(values: NDArray[np.floating[Any]], edges: list[float]) -> list[float]:
    """Shares of the values up to the first edge, between each two, and beyond the last."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    shares: list[float] = (counts / max(len(values), 1)).round(6).tolist()
    return shares
