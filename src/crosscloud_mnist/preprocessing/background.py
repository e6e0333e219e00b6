"""The background of an image under uneven light: a smooth surface, fitted robustly.

The surface is a quadratic polynomial of the position, fitted by iteratively reweighted least
squares with Tukey's biweight (Beaton and Tukey, Technometrics 16, 1974): a pixel far from the
surface, such as a stroke or a frame, has no weight.

The constants were chosen by hand on the images of ``tests/unit/preprocessing``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 64  # the surface is fitted to a grid of this many pixels a side
_BORDER = 0.93  # the border begins at this fraction of the way from the centre to the edge
_MIN_BORDER_SHARE = 0.2  # at least this fraction of the border has the background's value
_LEVELS = 33  # candidates for the background's value, from the darkest to the lightest pixel
_LEVEL_TOLERANCE = 0.08  # gray values by which uneven light may change the background's value

# The surface gains terms as the weights settle: a constant, a plane, a quadratic. Pixels far from
# the start lose their weight before the surface can bend towards them. The counts are of terms of
# _polynomial, one for each iteration. The test images alone would do with a quadratic throughout.
_CONSTANT, _PLANE, _QUADRATIC = 1, 3, 6
_TERMS_BY_ITERATION = (_CONSTANT, *[_PLANE] * 3, *[_QUADRATIC] * 4)
_CUTOFF = 3.0  # standard deviations from the surface beyond which a pixel has no weight
_MIN_SCALE, _MAX_SCALE = 0.02, 0.06  # gray values: paper without noise; noise of a dim photograph
_MAD_TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation of a normal one


def fit_background(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Fit a quadratic surface to the background.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        The surface [height, width], float32, in gray values, and the standard deviation of the
        noise around it.
    """
    y, x = (np.linspace(-1, 1, size) for size in gray.shape)
    rows, columns = (
        np.linspace(0, size - 1, min(size, _SAMPLES)).round().astype(int) for size in gray.shape
    )
    values = gray[np.ix_(rows, columns)].ravel().astype(np.float64)
    sample_y, sample_x = np.meshgrid(y[rows], x[columns], indexing="ij")
    is_border = (np.maximum(np.abs(sample_y), np.abs(sample_x)) > _BORDER).ravel()
    start = _most_common_level(values, values[is_border])
    terms = _polynomial(sample_y, sample_x).reshape(_QUADRATIC, -1).T
    coefficients, noise = _fit_robustly(terms, values, start)
    surface = np.tensordot(coefficients, _polynomial(*np.meshgrid(y, x, indexing="ij")), 1)
    return surface.astype(np.float32), noise


def _fit_robustly(
    terms: NDArray[np.float64], values: NDArray[np.float64], start: float
) -> tuple[NDArray[np.float64], float]:
    """Return the coefficients of the terms [n, 6], and the noise around their surface."""
    fitted = np.full(values.shape, start)
    scale = _LEVEL_TOLERANCE / 2
    for count in _TERMS_BY_ITERATION:
        residual = np.abs(values - fitted)
        weight = np.maximum(0, 1 - (residual / (_CUTOFF * scale)) ** 2)
        used = terms[:, :count]
        coefficients = np.linalg.lstsq(used * weight[:, None], values * weight, rcond=None)[0]
        fitted = used @ coefficients
        deviation = _standard_deviation(residual[residual < _CUTOFF * scale])
        scale = float(np.clip(deviation, _MIN_SCALE, _MAX_SCALE))
    residual = np.abs(values - fitted)
    return coefficients, _standard_deviation(residual[residual < _CUTOFF * scale])


def _polynomial(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(y), y, x, y * x, y * y, x * x])


def _standard_deviation(residual: NDArray[np.float64]) -> float:
    """Return a normal distribution's standard deviation, from absolute deviations."""
    return _MAD_TO_DEVIATION * float(np.median(residual)) if residual.size else _LEVEL_TOLERANCE


def _most_common_level(values: NDArray[np.float64], border: NDArray[np.float64]) -> float:
    """Return the value of most of the image, among those that much of the border has."""
    levels = np.linspace(values.min(), values.max(), _LEVELS)[:, None]
    border_share = (np.abs(border - levels) < _LEVEL_TOLERANCE).mean(axis=1)
    image_share = (np.abs(values - levels) < _LEVEL_TOLERANCE).mean(axis=1)
    is_background = border_share >= min(_MIN_BORDER_SHARE, border_share.max())
    return float(levels[np.argmax(np.where(is_background, image_share, -1)), 0])
