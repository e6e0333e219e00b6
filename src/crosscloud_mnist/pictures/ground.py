"""The ground that the ink stands on: paper under uneven light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

_NEAR = 0.08


def smooth_ground(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quadratic surface through the ground, started from the border."""
    height, width = gray.shape
    rows = np.linspace(0, height - 1, min(height, 64)).round().astype(int)
    columns = np.linspace(0, width - 1, min(width, 64)).round().astype(int)
    sample = gray[np.ix_(rows, columns)]
    y = (np.linspace(-1, 1, height, dtype=np.float32))[:, None]
    x = (np.linspace(-1, 1, width, dtype=np.float32))[None, :]
    ys, xs = np.broadcast_arrays(y[rows], x[:, columns])
    basis = np.stack([t.ravel() for t in _terms(ys, xs)], axis=1)
    values = sample.ravel()
    border = (np.maximum(np.abs(ys), np.abs(xs)) > 0.93).ravel()
    coefficients = np.zeros(basis.shape[1])
    coefficients[0] = _ground_value(values, values[border])
    scale = _NEAR / 2
    for step in range(12):
        used = (1, 3, 3, 3)[step] if step < 4 else 6
        off = np.abs(values - basis @ coefficients)
        weights = np.maximum(0, 1 - (off / (3 * scale)) ** 2) ** 2
        near = off < 3 * scale
        scale = min(0.06, max(0.02, 1.4826 * float(np.median(off[near])))) if near.any() else scale
        w = np.sqrt(weights)[:, None]
        coefficients = np.zeros(basis.shape[1])
        coefficients[:used] = np.linalg.lstsq(basis[:, :used] * w, values * w[:, 0], rcond=None)[0]
    off = np.abs(values - basis @ coefficients)
    noise = 1.4826 * float(np.median(off[off < 3 * scale]))
    surface = sum(c * t for c, t in zip(coefficients.astype(np.float32), _terms(y, x), strict=True))
    return surface, noise


def _ground_value(values, border):
    """The value that most of the picture has, of those that the border shows."""
    bins = np.linspace(values.min(), values.max(), 33)

    def near(v):
        return (np.abs(v[None] - bins[:, None]) < _NEAR).mean(axis=1)

    shown = near(border)
    return float(bins[np.argmax(np.where(shown >= min(0.2, shown.max()), near(values), -1))])


def _terms(y, x):
    return (np.ones_like(y * x), y + 0 * x, x + 0 * y, y * x, y * y + 0 * x, x * x + 0 * y)


def shadowed_ground(gray):
    """Closing: what is darker and narrower than a third of the picture is ink."""
    side = max(gray.shape)
    small = Image.fromarray(gray).resize(
        [max(1, round(n * 96 / side)) for n in gray.shape[::-1]], Image.Resampling.BOX
    )
    closed = ndimage.grey_closing(ndimage.median_filter(np.asarray(small), 3), 31)
    surface = np.asarray(
        Image.fromarray(closed).resize(gray.shape[::-1], Image.Resampling.BILINEAR)
    )
    off = np.abs(gray - surface)
    return surface, 1.4826 * float(np.median(off))
