"""The background of an image under uneven light: a smooth surface, fitted robustly.

The surface is a quadratic polynomial of the position, fitted by iteratively reweighted least
squares with Tukey's biweight (Beaton and Tukey, Technometrics 16, 1974): a pixel far from the
surface, such as a stroke or a frame, has no weight. The constants were chosen by hand on the
images of ``tests/unit/preprocessing``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 28  # the surface is fitted to a grid of at most this many pixels a side
_BIN_VALUES = 4  # gray values, of 256, in a bin of the histogram
_LEVEL_BINS = 11  # bins by which uneven light may change the background's value
_BORDER_WEIGHT = 0.3  # of the border's pixels, beside that of all pixels
_EVEN_BINS, _MIN_EVEN_SHARE = 3, 0.65  # so many pixels so near one value: the light is even

# The surface gains terms as the weights settle: a constant, a plane, a quadratic. Pixels far from
# the start lose their weight before the surface can bend towards them. The counts are of terms of
# _polynomial, one for each iteration.
_CONSTANT, _PLANE, _QUADRATIC = 1, 3, 6
_TERMS_BY_ITERATION = (_CONSTANT, *[_PLANE] * 3, *[_QUADRATIC] * 4)
_CUTOFF = 3.0  # standard deviations from the surface beyond which a pixel has no weight
_START_SCALE = 0.04
_MIN_SCALE, _MAX_SCALE = 0.02, 0.06  # gray values: paper without noise; noise of a dim photograph
_MAD_TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation of a normal one
_RIDGE = 1e-6  # keeps the normal equations solvable where few pixels have weight


def fit_background(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32] | np.float32, float]:
    """Fit a quadratic surface to the background.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        The surface, gray values, [height, width] or one value where the light is even, and the
        standard deviation of the noise around it.
    """
    start, is_even = _most_common_level(gray)
    rows, columns, sample_terms, terms = _grids(gray.shape)
    values = gray[rows[:, None], columns].ravel().astype(np.float64)
    if is_even:
        residual = np.abs(values - start)
        return np.float32(start), _standard_deviation(residual[residual < _CUTOFF * _START_SCALE])
    coefficients, noise = _fit_robustly(sample_terms, values, start)
    return (coefficients.astype(np.float32) @ terms).reshape(gray.shape), noise


def _fit_robustly(
    terms: NDArray[np.float64], values: NDArray[np.float64], start: float
) -> tuple[NDArray[np.float64], float]:
    """Return the coefficients of the terms [6, n], and the noise around their surface."""
    fitted = np.full(values.shape, start)
    scale = _START_SCALE
    for count in _TERMS_BY_ITERATION:
        residual = np.abs(values - fitted)
        weight = np.maximum(0, 1 - (residual / (_CUTOFF * scale)) ** 2) ** 2
        used = terms[:count]
        weighted = used * weight
        normal = weighted @ used.T + _RIDGE * np.eye(count)
        coefficients = np.linalg.solve(normal, weighted @ values)
        fitted = coefficients @ used
        deviation = _standard_deviation(residual[residual < _CUTOFF * scale])
        scale = min(max(deviation, _MIN_SCALE), _MAX_SCALE)
    residual = np.abs(values - fitted)
    return coefficients, _standard_deviation(residual[residual < _CUTOFF * scale])


@lru_cache(maxsize=64)
def _grids(
    shape: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]:
    """Return the rows and columns of the samples, and the terms at these and at all pixels."""
    rows, columns = (
        np.linspace(0, size - 1, min(size, _SAMPLES)).round().astype(np.int64) for size in shape
    )
    y, x = (np.linspace(-1, 1, size) for size in shape)
    return (
        rows,
        columns,
        _polynomial(y[rows], x[columns]),
        _polynomial(y, x).astype(np.float32),
    )


def _polynomial(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the terms [6, height * width] at all positions of a grid."""
    y, x = (axis.ravel() for axis in np.meshgrid(y, x, indexing="ij"))
    return np.stack([np.ones_like(y), y, x, y * x, y * y, x * x])


def _standard_deviation(residual: NDArray[np.float64]) -> float:
    """Return a normal distribution's standard deviation, from absolute deviations."""
    if not residual.size:
        return 2 * _START_SCALE
    middle = residual.size // 2
    return _MAD_TO_DEVIATION * float(np.partition(residual, middle)[middle])


def _most_common_level(gray: NDArray[np.float32]) -> tuple[float, bool]:
    """Return the value that most pixels are near, those of the border counted again.

    Also return whether so many pixels have it that the light is even.
    """
    bins = (gray * (255 / _BIN_VALUES)).astype(np.intp).clip(0, 255 // _BIN_VALUES)
    counts = np.bincount(bins.ravel(), minlength=256 // _BIN_VALUES) / bins.size
    ring = np.concatenate([bins[0], bins[-1], bins[:, 0], bins[:, -1]])
    border = np.bincount(ring, minlength=256 // _BIN_VALUES) / ring.size
    votes = np.convolve(counts + _BORDER_WEIGHT * border, np.ones(_LEVEL_BINS), "same")
    near = slice(
        max(0, int(votes.argmax()) - _LEVEL_BINS // 2), int(votes.argmax()) + _LEVEL_BINS // 2 + 1
    )
    level = near.start + int(counts[near].argmax())
    even = counts[max(0, level - _EVEN_BINS // 2) : level + _EVEN_BINS // 2 + 1].sum()
    pixels = gray[np.abs(bins - level) <= _EVEN_BINS // 2]
    return float(pixels.mean()), bool(even >= _MIN_EVEN_SHARE)
