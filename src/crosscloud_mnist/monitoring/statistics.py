"""Statistics of images of digits: numbers of each image, and distributions over all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = dict[str, NDArray[np.float64]]

_FOREGROUND = 128  # a pixel of this value or more is foreground
_CELL = 4  # pixels: the image is 7 x 7 cells
_INTENSITY_BINS = 8
_MAX_BATCH = 4096  # images: bounds the memory of intermediate arrays


def per_image(images: NDArray[np.uint8]) -> Values:
    """Return statistics of each image.

    Args:
        images: [n, 28, 28], uint8, light digit on dark background.

    Returns:
        Arrays [n]: ``mean_intensity`` (mean value, 0 to 1), ``foreground_share`` (of the pixels,
        0 to 1), ``stroke_width`` (twice the foreground's area by its perimeter, pixels), ``height``
        and ``width`` of the foreground's bounding box (pixels), ``centre_y`` and ``centre_x`` of
        its mass (pixels).
    """
    batches = [_statistics(batch) for batch in _batches(images)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def aggregate(images: NDArray[np.uint8]) -> Values:
    """Return distributions over all images, each of which sums to 1.

    Args:
        images: [n, 28, 28], uint8, light digit on dark background.

    Returns:
        ``intensities`` [8]: the share of the pixels in each range of values; ``positions`` [49]:
        the share of the intensity in each cell of 4 x 4 pixels, row by row.
    """
    intensities = np.zeros(_INTENSITY_BINS)
    positions = np.zeros((28 // _CELL, 28 // _CELL))
    for batch in _batches(images):
        bins = batch.ravel() // (256 // _INTENSITY_BINS)
        intensities += np.bincount(bins, minlength=_INTENSITY_BINS)
        cells = batch.reshape(-1, 28 // _CELL, _CELL, 28 // _CELL, _CELL)
        positions += cells.sum(axis=(0, 2, 4), dtype=np.int64)
    totals = {"intensities": intensities, "positions": positions}
    return {name: total.ravel() / max(total.sum(), 1) for name, total in totals.items()}


def _batches(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(images), _MAX_BATCH):
        yield images[start : start + _MAX_BATCH]


def _statistics(images: NDArray[np.uint8]) -> Values:
    foreground = images >= _FOREGROUND
    area = foreground.sum(axis=(1, 2))
    padded = np.pad(foreground, ((0, 0), (1, 1), (1, 1)))
    perimeter = sum(np.diff(padded, axis=axis).sum(axis=(1, 2)) for axis in (1, 2))
    mass = np.maximum(images.sum(axis=(1, 2), dtype=np.float64), 1)
    rows, columns = images.sum(axis=2, dtype=np.float64), images.sum(axis=1, dtype=np.float64)
    coordinates = np.arange(28)
    return {
        "mean_intensity": images.mean(axis=(1, 2), dtype=np.float64) / 255,
        "foreground_share": area / 784,
        "stroke_width": 2 * area / np.maximum(perimeter, 1),
        "height": _extent(np.asarray(foreground.any(axis=2))),
        "width": _extent(np.asarray(foreground.any(axis=1))),
        "centre_y": rows @ coordinates / mass,
        "centre_x": columns @ coordinates / mass,
    }


def _extent(occupied: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the pixels from the first to the last occupied row (or column), of [n, 28]."""
    first, last = occupied.argmax(axis=1), 27 - occupied[:, ::-1].argmax(axis=1)
    return np.where(occupied.any(axis=1), last - first + 1, 0).astype(np.float64)
