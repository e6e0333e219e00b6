"""Statistics of images: numbers of each image, and distributions over all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = dict[str, NDArray[np.float64]]

_FOREGROUND = 128  # a pixel of this gray value or more is foreground
_CELLS = 7  # the image is 7 x 7 cells
_CHANNELS = ("red", "green", "blue")
_GRAY_WEIGHTS = (0.299, 0.587, 0.114)  # of the channels: ITU-R BT.601
_INTENSITY_BINS = 8
_MAX_BATCH = 4096  # images: bounds the memory of intermediate arrays


def per_image(images: NDArray[np.uint8]) -> Values:
    """Return statistics of each image.

    Args:
        images: [n, height, width], uint8, or [n, height, width, 3] in colour.

    Returns:
        Arrays [n]: ``mean_intensity`` (mean value, 0 to 1), ``foreground_share`` (of the pixels,
        0 to 1), ``stroke_width`` (twice the foreground's area by its perimeter, pixels), ``height``
        and ``width`` of the foreground's bounding box (pixels), ``centre_y`` and ``centre_x`` of
        its mass (pixels). Of colour images they are those of the gray values, and there are also
        ``mean_red``, ``mean_green`` and ``mean_blue`` (0 to 1).
    """
    batches = [_statistics(batch) for batch in _batches(images)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def aggregate(images: NDArray[np.uint8]) -> Values:
    """Return distributions over all images, each of which sums to 1.

    Args:
        images: [n, height, width], uint8, or [n, height, width, 3] in colour.

    Returns:
        ``intensities`` [8]: the share of the gray values in each range; ``positions`` [49]: the
        share of the intensity in each of 7 x 7 cells, row by row. An image of fewer pixels has
        fewer cells.
    """
    height, width = images.shape[1:3]
    intensities, totals = np.zeros(_INTENSITY_BINS), np.zeros((height, width), np.int64)
    for batch in map(_to_gray, _batches(images)):
        bins = batch.ravel() // (256 // _INTENSITY_BINS)
        intensities += np.bincount(bins, minlength=_INTENSITY_BINS)
        totals += batch.sum(axis=0, dtype=np.int64)
    rows = np.add.reduceat(totals, _cell_starts(height), axis=0)
    positions = np.add.reduceat(rows, _cell_starts(width), axis=1)
    distributions = {"intensities": intensities, "positions": positions}
    return {name: total.ravel() / max(total.sum(), 1) for name, total in distributions.items()}


def _cell_starts(size: int) -> NDArray[np.int64]:
    """Return the first pixel of each cell along an axis."""
    cells = min(_CELLS, size)
    return np.arange(cells) * size // cells


def _to_gray(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if images.ndim == 3:
        return images
    gray: NDArray[np.uint8] = np.rint(images @ np.array(_GRAY_WEIGHTS)).astype(np.uint8)
    return gray


def _batches(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(images), _MAX_BATCH):
        yield images[start : start + _MAX_BATCH]


def _statistics(images: NDArray[np.uint8]) -> Values:
    gray_statistics = _gray_statistics(_to_gray(images))
    if images.ndim == 3:
        return gray_statistics
    means = images.mean(axis=(1, 2), dtype=np.float64) / 255
    return gray_statistics | {
        f"mean_{name}": means[:, index] for index, name in enumerate(_CHANNELS)
    }


def _gray_statistics(images: NDArray[np.uint8]) -> Values:
    height, width = images.shape[1:]
    foreground = images >= _FOREGROUND
    area = foreground.sum(axis=(1, 2))
    padded = np.pad(foreground, ((0, 0), (1, 1), (1, 1)))
    perimeter = sum(np.diff(padded, axis=axis).sum(axis=(1, 2)) for axis in (1, 2))
    mass = np.maximum(images.sum(axis=(1, 2), dtype=np.float64), 1)
    rows, columns = images.sum(axis=2, dtype=np.float64), images.sum(axis=1, dtype=np.float64)
    return {
        "mean_intensity": images.mean(axis=(1, 2), dtype=np.float64) / 255,
        "foreground_share": area / (height * width),
        "stroke_width": 2 * area / np.maximum(perimeter, 1),
        "height": _extent(np.asarray(foreground.any(axis=2))),
        "width": _extent(np.asarray(foreground.any(axis=1))),
        "centre_y": rows @ np.arange(height) / mass,
        "centre_x": columns @ np.arange(width) / mass,
    }


def _extent(occupied: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the pixels from the first to the last occupied row (or column), of [n, size]."""
    first = occupied.argmax(axis=1)
    last = occupied.shape[1] - 1 - occupied[:, ::-1].argmax(axis=1)
    return np.where(occupied.any(axis=1), last - first + 1, 0).astype(np.float64)
