"""Straight thin lines that are longer than the digit: ruling, table lines, a strike-through.

A line is found as in a Hough transform: pixels that belong to short vertical runs are counted along
lines of a few slopes. Where a line crosses a stroke, the stroke's pixels stay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_MAX_THICKNESS = 0.06  # of a line, as a fraction of its length
_SLOPES = np.linspace(-0.12, 0.12, 13)
_MIN_COVERED = 0.8  # of the columns, by the line or by a stroke that crosses it
_MIN_THIN = 0.4  # of the columns: where the line alone is


def remove_horizontal_lines(
    strength: NDArray[np.float32], min_strength: float
) -> NDArray[np.float32] | None:
    """Remove the thin lines that run from the left edge to the right edge.

    Args:
        strength: [height, width], float32, 0 is background and about 1 is foreground.
        min_strength: Of a line's pixels.

    Returns:
        The strength without lines, or None where there is no line.
    """
    height, width = strength.shape
    mask = strength > min_strength
    run = max(3, round(_MAX_THICKNESS * width)) + 1
    is_thick = ndimage.binary_opening(mask, np.ones((run, 1), np.bool_))
    y, x = np.nonzero(mask & ~is_thick)
    slope = max(_SLOPES, key=lambda each: _sharpness(_rows(y, x, each, width), height))
    thin = _covered(y, x, slope, strength.shape)
    every_y, every_x = np.nonzero(mask)
    covered = _covered(every_y, every_x, slope, strength.shape)
    lines = (covered >= _MIN_COVERED) & (thin >= _MIN_THIN)
    if not lines.any():
        return None
    rows = _rows(np.arange(height)[:, None], np.arange(width), slope, width).clip(0, height - 1)
    near = ndimage.binary_dilation(lines)[rows]
    return np.where(near & ~ndimage.binary_dilation(is_thick), np.float32(0), strength)


def _covered(
    y: NDArray[np.intp], x: NDArray[np.intp], slope: float, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return, for each line of that slope, the share of columns in which it has a pixel nearby."""
    height, width = shape
    hits = np.zeros((height + 2, width), np.bool_)
    hits[_rows(y, x, slope, width).clip(-1, height) + 1, x] = True
    return np.asarray((hits[:-2] | hits[1:-1] | hits[2:]).mean(axis=1))


def _rows(y: NDArray[np.intp], x: NDArray[np.intp], slope: float, width: int) -> NDArray[np.intp]:
    """Return the row in which a line of that slope through the pixel crosses the middle column."""
    return np.rint(y - slope * (x - width / 2)).astype(np.intp)


def _sharpness(rows: NDArray[np.intp], height: int) -> int:
    """Return how much the pixels gather in few rows."""
    counts = np.bincount(rows[(rows >= 0) & (rows < height)], minlength=height)
    return int(counts @ counts)
