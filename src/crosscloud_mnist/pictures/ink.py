"""Ink told from the ground it stands on, whatever the light and whichever of them is darker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import PictureError


@dataclass(frozen=True)
class Ink:
    """strength 0..1.. of ink level; mask; level contrast;"""

    strength: NDArray[np.float32]
    mask: NDArray[np.bool_]
    level: float
    noise: float


def find_ink(gray: NDArray[np.float32]) -> Ink:
    side = max(gray.shape)
    smooth = ndimage.gaussian_filter(gray, side / 320)
    residual = smooth - fit_ground(smooth)
    ground = np.abs(residual)
    threshold = otsu(ground)
    dark, light = residual < -threshold, residual > threshold
    sign = -1 if -residual[dark].sum() >= residual[light].sum() else 1
    excess = np.maximum(sign * residual, 0)
    threshold = otsu(excess)
    over = excess > threshold
    if not over.any():
        raise PictureError("no ink")
    level = float(np.percentile(excess[over], 75))
    below = residual[~over]
    noise = 1.4826 * float(np.median(np.abs(below - np.median(below))))
    if level < max(0.05, 5 * noise):
        raise PictureError("no ink")
    strength = excess / np.float32(level)
    cut = max(0.4, threshold / level)
    strong = strength > cut
    mask = ndimage.binary_propagation(strong, mask=strength > 0.6 * cut)
    return Ink(strength, mask, level, noise)


def otsu(values: NDArray[np.float32]) -> float:
    top = float(values.max())
    if top <= 0:
        return 0.0
    counts, edges = np.histogram(values, bins=128, range=(0.0, top))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[np.nanargmax(np.nan_to_num(between, nan=-1.0, posinf=-1.0))])


def fit_ground(gray: NDArray[np.float32]) -> NDArray[np.float32]:
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
    weights = border.astype(float)
    coefficients = np.zeros(basis.shape[1])
    for step in range(10):
        used = 3 if step < 0 else basis.shape[1]
        w = np.sqrt(weights)[:, None]
        coefficients = np.zeros(basis.shape[1])
        coefficients[:used] = np.linalg.lstsq(basis[:, :used] * w, values * w[:, 0], rcond=None)[0]
        off = np.abs(values - basis @ coefficients)
        member = border if step < 3 else np.ones_like(border)
        scale = max(
            0.03, 1.4826 * float(np.median(off[member & (weights > 0)] if step else off[border]))
        )
        weights = np.where(member, np.maximum(0, 1 - (off / (3 * scale)) ** 2) ** 2, 0.0)
        if weights.sum() < 20:
            weights = border.astype(float)
    return sum(c * t for c, t in zip(coefficients.astype(np.float32), _terms(y, x), strict=True))


def _terms(y, x):
    return (np.ones_like(y * x), y + 0 * x, x + 0 * y, y * x, y * y + 0 * x, x * x + 0 * y)
