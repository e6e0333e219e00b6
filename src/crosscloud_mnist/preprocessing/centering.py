"""MNIST's placement of a digit: in a box of 20 x 20, centred by mass in 28 x 28.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from crosscloud_mnist.errors import ImageError

BOX_SIDE, _SIDE = 20, 28  # pixels
_FLOOR, _CEILING = 0.1, 0.9  # strengths that become 0 and 1: removes noise, fills strokes
_PEAK_PERCENTILE, _PEAK_FLOOR = 80, 0.2  # of the pixels above the floor: becomes 255
# Stroke widths in pixels of the result. Outside of MNIST's range they are brought just inside it.
_MIN_STROKE, _MAX_STROKE = 1.65, 4.45
_THICKENED_STROKE, _THINNED_STROKE = 2.0, 4.0
# Strokes are changed at a resolution, in pixels for one of the result, that gives this radius.
_DISK_RADIUS, _MIN_OVERSAMPLING, _MAX_OVERSAMPLING = 2.5, 3.0, 8.0


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
    foreground = ((strength - np.float32(_FLOOR)) / np.float32(_CEILING - _FLOOR)).clip(0, 1)
    digit = _fit(_adjust_stroke(foreground))
    visible = digit[digit > _PEAK_FLOOR]
    rank = int((visible.size - 1) * _PEAK_PERCENTILE / 100)
    digit = (digit / np.partition(visible, rank)[rank]).clip(0, 1)
    return place_by_mass(np.rint(digit * 255).astype(np.uint8))


def place_by_mass(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a digit of its final size so that its centre of mass is the image's centre.

    Args:
        digit: [height, width], uint8, at most 28 each, 0 is background; not all of it.

    Returns:
        [28, 28], uint8.
    """
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    top, left = (
        min(max(round((_SIDE - 1) / 2 - _centre(digit.sum(axis=axis))), 0), _SIDE - size)
        for axis, size in zip((1, 0), digit.shape, strict=True)
    )
    height, width = digit.shape
    image[top : top + height, left : left + width] = digit
    return image


def _centre(mass: NDArray[np.uint64]) -> float:
    return float(mass @ np.arange(len(mass)) / mass.sum())


def _bounds(foreground: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is solid."""
    solid = foreground > 0.5
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        raise ImageError("shows no digit; send an image with one digit that stands out")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _fit(foreground: NDArray[np.float32]) -> NDArray[np.float32]:
    """Crop to the foreground and scale its longer side to the box."""
    left, top, right, bottom = box = _bounds(foreground)
    scale = BOX_SIDE / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    resized = Image.fromarray(foreground).resize(
        size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC, box=box
    )
    return np.asarray(resized).clip(0, 1)


def _adjust_stroke(foreground: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thicken strokes that are too thin, and thin those that are too thick."""
    left, top, right, bottom = _bounds(foreground)
    pixels = max(right - left, bottom - top) / BOX_SIDE  # for one of the result
    stroke = _stroke_width(foreground) / pixels
    if _MIN_STROKE <= stroke <= _MAX_STROKE:
        return foreground
    target = _THICKENED_STROKE if stroke < _MIN_STROKE else _THINNED_STROKE
    radius = abs(target - stroke) / 2
    # The disk has a few pixels only: its area counts at every pixel.
    oversampling = min(max(_DISK_RADIUS / radius, _MIN_OVERSAMPLING), _MAX_OVERSAMPLING)
    size = [round(side * oversampling / pixels) for side in reversed(foreground.shape)]
    fine = np.asarray(Image.fromarray(foreground).resize(size, Image.Resampling.BICUBIC))
    fine = np.pad(fine.clip(0, 1), math.ceil(radius * oversampling) + 1)
    change = ndimage.grey_dilation if stroke < _MIN_STROKE else ndimage.grey_erosion
    return np.asarray(change(fine, footprint=_disk(radius * oversampling)))


def _stroke_width(foreground: NDArray[np.float32]) -> float:
    """Return the mean width of the strokes, pixels: that of a bar is twice its area by perimeter.

    The perimeter is the image's total variation.
    """
    down = np.diff(foreground, axis=0)[:, :-1]
    right = np.diff(foreground, axis=1)[:-1]
    perimeter = float(np.sqrt(down * down + right * right).sum())
    return 2 * float(foreground.sum()) / max(perimeter, 1e-6)


def _disk(radius: float) -> NDArray[np.bool_]:
    """Return a mask of the disk of that radius, pixels."""
    n = int(np.ceil(radius))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return np.asarray(y * y + x * x <= radius**2 + 0.25)
