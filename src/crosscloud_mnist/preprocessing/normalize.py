"""MNIST's own way of placing a digit: a box of 20 x 20, centred by mass in 28 x 28.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from crosscloud_mnist.errors import ImageError

_BOX, _SIDE = 20, 28
_FINE = 8  # working pixels for one of the result
_THINNEST, _THICKEST = 1.9, 5.0  # strokes that MNIST has, pixels of the result
_THIN_TO, _THICK_TO = 2.3, 4.5


def normalize(strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scale the ink to the box, keeping its aspect, and centre it by mass.

    Strokes thinner or thicker than those of MNIST are brought to its range.

    Args:
        strength: [height, width], float32, 0 is ground and about 1 is ink.

    Returns:
        [28, 28], uint8.

    Raises:
        ImageError: There is no ink.
    """
    ink = np.clip((strength - 0.1) / 0.8, 0, 1)
    fine = _usual_stroke(_fit(ink, _BOX * _FINE, margin=2 * _FINE))
    small = _fit(fine, _BOX, margin=0)
    small = np.clip(small / np.percentile(small[small > 0.2], 80), 0, 1)
    height, width = small.shape
    rows, columns = (
        min(max(round((_SIDE - 1) / 2 - at), 0), _SIDE - size)
        for at, size in zip(ndimage.center_of_mass(small), small.shape, strict=True)
    )
    image = np.zeros((_SIDE, _SIDE), np.uint8)
    image[rows : rows + height, columns : columns + width] = np.rint(small * 255)
    return image


def _fit(ink: NDArray[np.float32], longer: int, margin: int) -> NDArray[np.float32]:
    """Crop to the ink and scale its longer side to ``longer`` pixels, ``margin`` around it."""
    solid = np.argwhere(ink > 0.5)
    if not len(solid):
        raise ImageError("shows no ink; send an image with one digit")
    (top, left), (bottom, right) = solid.min(axis=0), solid.max(axis=0) + 1
    scale = longer / max(bottom - top, right - left)
    width, height = (max(1, round(n * scale)) for n in (right - left, bottom - top))
    pad = int(np.ceil(margin / scale)) + 1
    box = np.array([left, top, right, bottom]) + pad
    box = box + np.array([-1, -1, 1, 1]) * (margin / scale)
    resized = Image.fromarray(np.pad(ink, pad)).resize(
        (width + 2 * margin, height + 2 * margin),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
        box=tuple(box),
    )
    return np.asarray(resized).clip(0, 1)


def _usual_stroke(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    depth = ndimage.distance_transform_edt(np.pad(fine > 0.5, 1))[1:-1, 1:-1]
    stroke = (
        4 * float(depth[depth > 0].mean()) / _FINE
    )  # a bar's mean depth is a quarter of its width
    if stroke < _THINNEST:
        return np.asarray(ndimage.grey_dilation(fine, footprint=_disk((_THIN_TO - stroke) / 2)))
    if stroke > _THICKEST:
        return np.asarray(ndimage.grey_erosion(fine, footprint=_disk((stroke - _THICK_TO) / 2)))
    return fine


def _disk(radius: float) -> NDArray[np.bool_]:
    n = int(np.ceil(radius * _FINE))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return np.asarray(y * y + x * x <= (radius * _FINE) ** 2 + 0.25)
