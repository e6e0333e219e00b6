"""The foreground of an image, under uneven light, whether it is darker or lighter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import Components

_SAMPLES = 64  # per side: what the surface is fitted to
_BORDER = 0.93  # of the way from the centre; what is beyond tells the ground
_NEAR = 0.08  # gray values that count as the same ground, before the surface is known
_MIN_CONTRAST = 0.05
_TIMES_NOISE = 3.5
_MAX_STROKE = 0.35  # of the longer side; a shadow is wider


@dataclass(frozen=True)
class Foreground:
    """What differs from the ground.

    Attributes:
        strength: [height, width], float32, 0 is ground and about 1 is ink.
        components: Where it is ink, of one polarity.
        off_ground: [height, width], bool, everything that is not ground, darker or lighter.
        contrast: Gray values between ink and ground, 0 to 1.
    """

    strength: NDArray[np.float32]
    components: Components
    off_ground: NDArray[np.bool_]
    contrast: float


def find_foreground(gray: NDArray[np.float32]) -> Foreground:
    """Tell ink from ground.

    Args:
        gray: [height, width], float32, 0 to 1.

    Raises:
        ImageError: Nothing stands out from the ground and its noise.
    """
    smooth = ndimage.gaussian_filter(gray, max(gray.shape) / 320)
    surface, noise = _ground(smooth)
    off = smooth - surface
    least = max(_MIN_CONTRAST, _TIMES_NOISE * noise)
    off_ground = np.abs(off) > max(least, 0.5 * _otsu(np.abs(off)))
    found = [
        ink for ink in (_ink(-off, off_ground), _ink(off, off_ground)) if ink.contrast >= least
    ]
    if not found:
        raise ImageError(
            f"shows no ink: nothing stands out by {least:.2f} or more of the range from black to "
            "white; send an image with one digit that stands out from its ground"
        )
    return max(
        found, key=lambda ink: ink.contrast * (ink.components.mass * ink.components.whole).sum()
    )


def _ink(rise: NDArray[np.float32], off_ground: NDArray[np.bool_]) -> Foreground:
    window = round(_MAX_STROKE * max(rise.shape))
    excess = _narrow(np.maximum(rise, 0), window)
    threshold = _otsu(excess)
    over = excess[excess > threshold]
    contrast = float(np.percentile(over, 75)) if over.size else 0.0
    strength = excess / np.float32(max(contrast, 1e-6))
    cut = max(0.4, threshold / max(contrast, 1e-6))
    mask = ndimage.binary_propagation(strength > cut, mask=strength > 0.6 * cut)
    return Foreground(strength, Components(mask), off_ground, contrast)


def _narrow(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Return what rises from its surroundings over less than the window: a stroke, no shadow."""
    return np.asarray(values - ndimage.grey_opening(values, window))


def _otsu(values: NDArray[np.float32]) -> float:
    """Return the threshold that components non-negative values best in two (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=128, range=(0.0, max(float(values.max()), 1e-6)))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    means = sums / np.maximum(below, 1), (sums[-1] - sums) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (means[0] - means[1]) ** 2)])


def _ground(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Fit a quadratic surface to the ground, and return it and the noise around it.

    Tukey's biweight, iteratively reweighted: ink and frames weigh nothing. It starts from the
    value that the border shows and most of the image has.
    """
    y, x = (np.linspace(-1, 1, n) for n in gray.shape)
    rows, columns = (
        np.linspace(0, n - 1, min(n, _SAMPLES)).round().astype(int) for n in gray.shape
    )
    ys, xs = np.meshgrid(y[rows], x[columns], indexing="ij")
    values = gray[np.ix_(rows, columns)].ravel().astype(np.float64)
    terms = _terms(ys, xs).reshape(6, -1).T
    border = (np.maximum(np.abs(ys), np.abs(xs)) > _BORDER).ravel()
    fitted = np.full(values.shape, _commonest(values, values[border]))
    scale = _NEAR / 2
    for used in (1, 3, 3, 3, 6, 6, 6, 6):
        off = np.abs(values - fitted)
        weight = np.maximum(0, 1 - (off / (3 * scale)) ** 2)
        coefficients = np.linalg.lstsq(
            terms[:, :used] * weight[:, None], values * weight, rcond=None
        )[0]
        fitted = terms[:, :used] @ coefficients
        scale = float(np.clip(_spread(off[off < 3 * scale]), 0.02, 0.06))
    off = np.abs(values - fitted)
    surface = np.tensordot(coefficients, _terms(*np.meshgrid(y, x, indexing="ij")), 1)
    return surface.astype(np.float32), _spread(off[off < 3 * scale])


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(y), y, x, y * x, y * y, x * x])


def _spread(off: NDArray[np.float64]) -> float:
    """Standard deviation of a normal distribution, from absolute deviations."""
    return 1.4826 * float(np.median(off)) if off.size else _NEAR


def _commonest(values: NDArray[np.float64], border: NDArray[np.float64]) -> float:
    """Return the value that most of the image has, of those that much of the border has."""
    bins = np.linspace(values.min(), values.max(), 33)[:, None]
    shown = (np.abs(border - bins) < _NEAR).mean(axis=1)
    held = (np.abs(values - bins) < _NEAR).mean(axis=1)
    return float(bins[np.argmax(np.where(shown >= min(0.2, shown.max()), held, -1)), 0])
