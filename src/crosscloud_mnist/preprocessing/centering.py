"""MNIST's placement of a digit: in a box of 20 x 20, centred by mass in 28 x 28.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from crosscloud_mnist.errors import ImageError

_BOX_SIDE, _SIDE = 20, 28
_OVERSAMPLING = 8  # strokes are measured and changed at this many pixels for one of the result
_FLOOR, _CEILING = 0.1, 0.9  # strengths that become 0 and 1: removes noise, fills strokes
_PEAK_PERCENTILE, _PEAK_FLOOR = 80, 0.2  # of the pixels above the floor: becomes 255
# Stroke widths in pixels of the result. Outside of MNIST's range they are brought just inside it.
_MIN_STROKE, _MAX_STROKE = 1.9, 5.0
_THICKENED_STROKE, _THINNED_STROKE = 2.3, 4.5


def center_digit(strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scale the digit to the box, keeping its aspect ratio, and centre it by mass.

    Strokes thinner or thicker than MNIST's are brought into its range.

    Args:
        strength: [height, width], float32, 0 is background and about 1 is foreground.

    Returns:
        [28, 28], uint8, 0 is background and 255 is foreground.

    Raises:
        ImageError: There is no foreground.
    """
    foreground = np.clip((strength - _FLOOR) / (_CEILING - _FLOOR), 0, 1)
    fine = _adjust_stroke(_fit(foreground, _BOX_SIDE * _OVERSAMPLING, margin=2 * _OVERSAMPLING))
    digit = _fit(fine, _BOX_SIDE, margin=0)
    peak = np.percentile(digit[digit > _PEAK_FLOOR], _PEAK_PERCENTILE)
    digit = np.clip(digit / peak, 0, 1)
    height, width = digit.shape
    top, left = (
        min(max(round((_SIDE - 1) / 2 - centre), 0), _SIDE - size)
        for centre, size in zip(ndimage.center_of_mass(digit), digit.shape, strict=True)
    )
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    image[top : top + height, left : left + width] = np.rint(digit * 255)
    return image


def _fit(foreground: NDArray[np.float32], longer_side: int, margin: int) -> NDArray[np.float32]:
    """Crop to the foreground and scale its longer side, in pixels, with a margin around it."""
    solid = np.argwhere(foreground > 0.5)
    if not len(solid):
        raise ImageError("shows no digit; send an image with one digit that stands out")
    (top, left), (bottom, right) = solid.min(axis=0), solid.max(axis=0) + 1
    scale = longer_side / max(bottom - top, right - left)
    width, height = (max(1, round(size * scale)) for size in (right - left, bottom - top))
    pad = int(np.ceil(margin / scale)) + 1
    box = np.array([left, top, right, bottom]) + pad
    box = box + np.array([-1, -1, 1, 1]) * (margin / scale)
    resized = Image.fromarray(np.pad(foreground, pad)).resize(
        (width + 2 * margin, height + 2 * margin),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
        box=tuple(box),
    )
    return np.asarray(resized).clip(0, 1)


def _adjust_stroke(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thicken strokes that are too thin, and thin those that are too thick."""
    depth = ndimage.distance_transform_edt(np.pad(fine > 0.5, 1))[1:-1, 1:-1]
    # The mean depth of a bar is a quarter of its width.
    stroke = 4 * float(depth[depth > 0].mean()) / _OVERSAMPLING
    if stroke < _MIN_STROKE:
        radius = (_THICKENED_STROKE - stroke) / 2
        return np.asarray(ndimage.grey_dilation(fine, footprint=_disk(radius)))
    if stroke > _MAX_STROKE:
        radius = (stroke - _THINNED_STROKE) / 2
        return np.asarray(ndimage.grey_erosion(fine, footprint=_disk(radius)))
    return fine


def _disk(radius: float) -> NDArray[np.bool_]:
    """Return a mask of the disk of that radius, in pixels of the result."""
    n = int(np.ceil(radius * _OVERSAMPLING))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return np.asarray(y * y + x * x <= (radius * _OVERSAMPLING) ** 2 + 0.25)
