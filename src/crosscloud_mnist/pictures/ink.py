"""Ink told from the ground it stands on, whatever the light and whichever of them is darker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import PictureError
from crosscloud_mnist.pictures.ruling import without_ruling


@dataclass(frozen=True)
class Ink:
    """strength 0..1.. of ink level; mask; level contrast;"""

    strength: NDArray[np.float32]
    mask: NDArray[np.bool_]
    off_ground: NDArray[np.bool_]
    level: float


def find_ink(gray: NDArray[np.float32], fit_ground) -> Ink:
    side = max(gray.shape)
    smooth = ndimage.gaussian_filter(gray, side / 320)
    ground, noise = fit_ground(smooth)
    residual = smooth - ground
    threshold = otsu(np.abs(residual))
    dark, light = residual < -threshold, residual > threshold
    sign = -1 if -residual[dark].sum() >= residual[light].sum() else 1
    excess = np.maximum(sign * residual, 0)
    threshold = otsu(excess)
    over = excess > threshold
    if not over.any():
        raise PictureError("no ink")
    level = float(np.percentile(excess[over], 75))
    if level < max(0.05, 3.5 * noise):
        raise PictureError("no ink")
    strength = excess / np.float32(level)
    cut = max(0.4, threshold / level)
    strong = strength > cut
    mask = ndimage.binary_propagation(strong, mask=strength > 0.6 * cut)
    mask = without_ruling(mask)
    if not mask.any():
        raise PictureError("no ink")
    return Ink(strength, mask, np.abs(residual) > max(0.05, 4 * noise), level)


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
