"""MNIST's own way of placing a digit: a box of 20 x 20, centred by mass in 28 x 28."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from crosscloud_mnist.errors import PictureError

_BOX, _SIDE, _FINE = 20, 28, 8
_THINNEST, _THICKEST = 1.9, 5.0
_THIN_TO, _THICK_TO = 2.3, 4.5


def place(strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    ink = np.clip((strength - 0.1) / 0.8, 0, 1)
    fine = _fit(ink, _BOX * _FINE, 2 * _FINE)
    fine = _usual_stroke(fine)
    small = _fit(fine, _BOX, 0)
    top = np.percentile(small[small > 0.2], 80) if (small > 0.2).any() else small.max()
    small = np.clip(small / max(top, 1e-6), 0, 1)
    picture = np.zeros((_SIDE, _SIDE), np.uint8)
    cy, cx = ndimage.center_of_mass(small)
    h, w = small.shape
    r = min(max(round((_SIDE - 1) / 2 - cy), 0), _SIDE - h)
    c = min(max(round((_SIDE - 1) / 2 - cx), 0), _SIDE - w)
    picture[r : r + h, c : c + w] = np.rint(small * 255)
    return picture


def _fit(ink, longer, margin):
    solid = ink > 0.5
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        raise PictureError("no ink")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    scale = longer / max(bottom - top, right - left)
    h, w = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
    m = margin / scale
    pad = int(np.ceil(m)) + 1
    ink = np.pad(ink, pad)
    image = Image.fromarray(ink.astype(np.float32))
    box = (left + pad - m, top + pad - m, right + pad + m, bottom + pad + m)
    out = image.resize(
        (w + 2 * margin, h + 2 * margin),
        Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC,
        box=box,
    )
    return np.clip(np.asarray(out), 0, 1)


def _usual_stroke(fine):
    solid = fine > 0.5
    depth = ndimage.distance_transform_edt(np.pad(solid, 1))[1:-1, 1:-1]
    ridge = (depth == ndimage.maximum_filter(depth, 5)) & solid
    width = (2 * np.median(depth[ridge])) / _FINE
    if width < _THINNEST:
        return ndimage.grey_dilation(fine, footprint=_disk((_THIN_TO - width) / 2 * _FINE))
    if width > _THICKEST:
        return ndimage.grey_erosion(fine, footprint=_disk((width - _THICK_TO) / 2 * _FINE))
    return fine


def _disk(radius):
    n = int(np.ceil(radius))
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return y * y + x * x <= radius * radius + 0.25
