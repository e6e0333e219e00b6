"""The foreground of an image, under uneven light, whether it is darker or lighter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.background import fit_background
from crosscloud_mnist.preprocessing.components import Components

# The constants were chosen by hand on the images of tests/unit/preprocessing. On 340 of them the
# mean correlation of a result with that of the plain digit is 0.996 for _MIN_STRENGTH from 0.3 to
# 0.5 and _EDGE_STRENGTH from 0.5 to 0.7. _CORE_PERCENTILE is best at 75 (60: 0.985, 90: 0.991).
_SMOOTHING = 1 / 320  # standard deviation of the filter, as a fraction of the longer side
_MIN_CONTRAST = 0.05  # gray values
_MIN_CONTRAST_TO_NOISE = 3.5
_OFF_BACKGROUND = 0.5  # fraction of Otsu's threshold: a frame may be paler than the digit
_MAX_STROKE = 0.35  # width, as a fraction of the longer side; a shadow is wider
_CORE_PERCENTILE = 75  # of the gray values: reaches a stroke's core, not only its blurred edge
_MIN_STRENGTH = 0.4  # every component has pixels that are stronger than this
_EDGE_STRENGTH = 0.6  # fraction of that: weaker pixels next to a component are not part of it


@dataclass(frozen=True)
class Foreground:
    """What differs from the background.

    Attributes:
        strength: [height, width], float32, 0 is background and about 1 is foreground.
        components: Of the foreground, of one polarity.
        is_off_background: [height, width], bool: is not background, darker or lighter.
        contrast: Gray values between foreground and background, 0 to 1.
    """

    strength: NDArray[np.float32]
    components: Components
    is_off_background: NDArray[np.bool_]
    contrast: float


def find_foreground(gray: NDArray[np.float32]) -> Foreground:
    """Separate foreground and background.

    Both polarities are tried. The one with the more contrast and mass in components that can be a
    digit is the foreground.

    Args:
        gray: [height, width], float32, 0 to 1.

    Raises:
        ImageError: Nothing stands out from the background and its noise.
    """
    smooth = ndimage.gaussian_filter(gray, _SMOOTHING * max(gray.shape))
    surface, noise = fit_background(smooth)
    difference = smooth - surface
    min_contrast = max(_MIN_CONTRAST, _MIN_CONTRAST_TO_NOISE * noise)
    distance = np.abs(difference)
    is_off_background = distance > max(min_contrast, _OFF_BACKGROUND * _otsu(distance))
    polarities = [
        _extract(-difference, is_off_background),
        _extract(difference, is_off_background),
    ]
    visible = [each for each in polarities if each.contrast >= min_contrast]
    if not visible:
        raise ImageError(
            f"shows no digit: nothing stands out from the background by {min_contrast:.2f} or more "
            "of the range from black to white; send an image with more contrast"
        )
    return max(visible, key=_score)


def _score(foreground: Foreground) -> float:
    components = foreground.components
    return foreground.contrast * float((components.mass * components.is_candidate).sum())


def _extract(rise: NDArray[np.float32], is_off_background: NDArray[np.bool_]) -> Foreground:
    """Return the foreground of one polarity: what rises above the background."""
    excess = _top_hat(np.maximum(rise, 0), round(_MAX_STROKE * max(rise.shape)))
    threshold = _otsu(excess)
    above = excess[excess > threshold]
    contrast = float(np.percentile(above, _CORE_PERCENTILE)) if above.size else 0.0
    divisor = max(contrast, 1e-6)
    strength = excess / np.float32(divisor)
    core = max(_MIN_STRENGTH, threshold / divisor)
    mask = ndimage.binary_propagation(strength > core, mask=strength > _EDGE_STRENGTH * core)
    return Foreground(strength, Components(mask), is_off_background, contrast)


def _top_hat(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Remove what is wider than the window: shadows are removed, strokes are kept."""
    return np.asarray(values - ndimage.grey_opening(values, window))


def _otsu(values: NDArray[np.float32]) -> float:
    """Return the threshold that separates non-negative values best in two (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=128, range=(0.0, max(float(values.max()), 1e-6)))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    mean_below, mean_above = sums / np.maximum(below, 1), (sums[-1] - sums) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (mean_below - mean_above) ** 2)])
