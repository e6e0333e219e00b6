"""Colour images to gray values: luminance, or another axis where colours differ in hue alone."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SAMPLES = 48  # pixels a side of the image that the axis is computed from
_MIN_GAIN = 4.0  # of the variance, over luminance: below it luminance is taken
_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's mode L

GrayAxis = tuple[float, float, float, float] | None


def find_gray_axis(image: Image.Image) -> GrayAxis:
    """Return the weights of red, green and blue, and an offset; None stands for luminance.

    Red ink on a green board may have the board's luminance. Where the colours vary much more along
    another axis, that one is returned (the first principal component, scaled to 0 to 255).

    Args:
        image: Of any mode that converts to RGB.
    """
    small = image.resize((_SAMPLES, _SAMPLES), Image.Resampling.NEAREST).convert("RGB")
    colors = np.asarray(small, np.float64).reshape(-1, 3)
    if not np.ptp(colors, axis=1).any():
        return None
    covariance = np.cov(colors, rowvar=False)
    variances, axes = np.linalg.eigh(covariance)
    # A gray image varies by the same on each of the three channels.
    if variances[-1] / 3 <= _MIN_GAIN * (_LUMINANCE @ covariance @ _LUMINANCE):
        return None
    values = colors @ axes[:, -1]
    scale = 255 / max(float(np.ptp(values)), 1.0)
    red, green, blue = (axes[:, -1] * scale).tolist()
    return red, green, blue, -float(values.min()) * scale


def to_gray(image: Image.Image, axis: GrayAxis) -> Image.Image:
    """Return the gray values of an RGB image, mode L."""
    return image.convert("L") if axis is None else image.convert("L", axis)
