"""What can be said of an image of a digit in one number, and of many in one distribution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = dict[str, NDArray[np.float64]]

_INK = 128  # a pixel of this value or more is ink
_CELL = 4  # pixels: the image is 7 x 7 cells
_TONES = 8
_AT_ONCE = 4096


def per_image(images: NDArray[np.uint8]) -> Values:
    """Return statistics of each image.

    Args:
        images: [n, 28, 28], uint8, light ink on dark ground.

    Returns:
        Arrays [n]: ``mean_ink`` (mean value, 0 to 1), ``ink_share`` (of the pixels, 0 to 1),
        ``stroke_width`` (twice the ink's area by its perimeter, pixels), ``height`` and ``width``
        of the ink's box and ``centre_y`` and ``centre_x`` of its mass (pixels).
    """
    parts = [_of_each(part) for part in _parts(images)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def aggregate(images: NDArray[np.uint8]) -> Values:
    """Return distributions over all images, each of which sums to 1.

    Args:
        images: [n, 28, 28], uint8, light ink on dark ground.

    Returns:
        ``tones`` [8]: the share of the pixels in each range of values; ``places`` [49]: the share
        of the ink in each cell of 4 x 4 pixels, row by row.
    """
    tones, places = np.zeros(_TONES), np.zeros((28 // _CELL, 28 // _CELL))
    for part in _parts(images):
        tones += np.bincount(part.ravel() // (256 // _TONES), minlength=_TONES)
        cells = part.reshape(-1, 28 // _CELL, _CELL, 28 // _CELL, _CELL)
        places += cells.sum(axis=(0, 2, 4), dtype=np.int64)
    found = {"tones": tones, "places": places}
    return {name: value.ravel() / max(value.sum(), 1) for name, value in found.items()}


def _parts(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(images), _AT_ONCE):
        yield images[start : start + _AT_ONCE]


def _of_each(images: NDArray[np.uint8]) -> Values:
    ink = images >= _INK
    area = ink.sum(axis=(1, 2))
    framed = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    perimeter = sum(np.diff(framed, axis=axis).sum(axis=(1, 2)) for axis in (1, 2))
    mass = np.maximum(images.sum(axis=(1, 2), dtype=np.float64), 1)
    rows, columns = images.sum(axis=2, dtype=np.float64), images.sum(axis=1, dtype=np.float64)
    place = np.arange(28)
    return {
        "mean_ink": images.mean(axis=(1, 2), dtype=np.float64) / 255,
        "ink_share": area / 784,
        "stroke_width": 2 * area / np.maximum(perimeter, 1),
        "height": _extent(np.asarray(ink.any(axis=2))),
        "width": _extent(np.asarray(ink.any(axis=1))),
        "centre_y": rows @ place / mass,
        "centre_x": columns @ place / mass,
    }


def _extent(inked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Pixels from the first to the last that is inked, of [n, 28]."""
    first, last = inked.argmax(axis=1), 27 - inked[:, ::-1].argmax(axis=1)
    return np.where(inked.any(axis=1), last - first + 1, 0).astype(np.float64)
