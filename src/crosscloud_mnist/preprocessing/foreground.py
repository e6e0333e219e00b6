"""The foreground of an image, under uneven light, whether it is darker or lighter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.background import fit_background

# The constants were chosen by hand on the images of tests/unit/preprocessing.
_MIN_CONTRAST = 0.05  # gray values
_MIN_CONTRAST_TO_NOISE = 3.5
_MIN_RELATIVE_PEAK = 0.2  # of the other polarity's: below it there is nothing in this one
_MAX_STROKE = 0.35  # width, as a fraction of the longer side; a shadow is wider
_BLOCK = 4  # pixels a side: what is wide is found at this resolution
_CORE_PERCENTILE = 75  # of the gray values: reaches a stroke's core, not only its blurred edge
_BINS = 64


@dataclass(frozen=True)
class Foreground:
    """What differs from the background in one polarity.

    Attributes:
        strength: [height, width], float32, 0 is background and about 1 is foreground.
        contrast: Gray values between foreground and background, 0 to 1.
        is_dark: The foreground is darker than the background.
    """

    strength: NDArray[np.float32]
    contrast: float
    is_dark: bool


def find_foregrounds(gray: NDArray[np.float32]) -> list[Foreground]:
    """Separate foreground and background, in both polarities.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        One or both of the polarities, as something is visible in them.

    Raises:
        ImageError: Nothing stands out from the background and its noise.
    """
    surface, noise = fit_background(gray)
    difference = gray - surface
    min_contrast = max(_MIN_CONTRAST, _MIN_CONTRAST_TO_NOISE * noise)
    darkest, lightest = -float(difference.min()), float(difference.max())
    min_peak = max(min_contrast, _MIN_RELATIVE_PEAK * max(darkest, lightest))
    polarities = []
    if darkest >= min_peak:
        polarities.append(_extract(-difference, is_dark=True))
    if lightest >= min_peak:
        polarities.append(_extract(difference, is_dark=False))
    visible = [each for each in polarities if each.contrast >= min_contrast]
    if not visible:
        raise ImageError(
            f"shows no digit: nothing stands out from the background by {min_contrast:.2f} or more "
            "of the range from black to white; send an image with more contrast"
        )
    return visible


def _extract(rise: NDArray[np.float32], is_dark: bool) -> Foreground:
    """Return the foreground of one polarity: what rises above the background."""
    excess = _top_hat(np.maximum(rise, 0))
    above = excess[excess > _otsu(excess)]
    contrast = 0.0
    if above.size:
        rank = int(above.size * _CORE_PERCENTILE / 100)
        contrast = float(np.partition(above, rank)[rank])
    return Foreground(excess / np.float32(max(contrast, 1e-6)), contrast, is_dark)


def _top_hat(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove what is wider than a stroke: shadows are removed, strokes are kept.

    The opening by reconstruction of a square window, which is computed on blocks of pixels.
    """
    height, width = values.shape
    if height % _BLOCK or width % _BLOCK:
        padded = np.pad(values, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge")
    else:
        padded = values
    rows, columns = (size // _BLOCK for size in padded.shape)
    blocks = padded.reshape(rows, _BLOCK, -1).min(axis=1).reshape(rows, columns, _BLOCK).min(axis=2)
    window = max(2, round(_MAX_STROKE * max(blocks.shape)))
    wide = ndimage.minimum_filter(blocks, window)
    if wide.max() < _MIN_CONTRAST:
        return values
    # A window more than was taken away: the blocks at the region's edge belong to it, too.
    wide = ndimage.maximum_filter(wide, window + 2)
    upper = wide.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)[:height, :width]
    return np.asarray(values - np.minimum(values, upper))


def _otsu(values: NDArray[np.float32]) -> float:
    """Return the threshold that separates non-negative values best in two (Otsu 1979)."""
    step = max(float(values.max()), 1e-6) / _BINS
    counts = np.bincount(
        (values * np.float32(0.999 / step)).astype(np.intp).ravel(), minlength=_BINS
    )
    centres = (np.arange(len(counts)) + 0.5) * step
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    mean_below, mean_above = sums / np.maximum(below, 1), (sums[-1] - sums) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (mean_below - mean_above) ** 2)])
