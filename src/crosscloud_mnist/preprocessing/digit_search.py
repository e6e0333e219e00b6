"""The digit in an image: a view is moved and enlarged until the digit fills it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import MAX_COMPONENTS
from crosscloud_mnist.preprocessing.scene import analyze

_SIDE = 112  # pixels, of the view's longer side: four for one of the model's input
_MIN_FILL = 0.55  # of the view's longer side: the digit's length
_VIEW_SIDE = 1.4  # of the digit's length: the next view
_MAX_VIEWS = 4

Box = tuple[float, float, float, float]  # left, top, right, bottom, pixels of the image


def find_digit(gray: Image.Image) -> NDArray[np.float32]:
    """Return the foreground of the digit alone.

    Args:
        gray: Mode L.

    Returns:
        [height, width] of the digit's surroundings, float32, 0 is background and about 1 is
        foreground.

    Raises:
        ImageError: The image shows no digit, or more than one.
    """
    view: Box = (0, 0, gray.width, gray.height)
    is_dark: bool | None = None
    for remaining in reversed(range(_MAX_VIEWS)):
        pixels = _resample(gray, view)
        scene = analyze(pixels, is_dark)
        selected = scene.select()
        box = scene.components.bounding_box(selected)
        length = (box[2:] - box[:2]).max()
        if length >= _MIN_FILL * max(pixels.shape) or not remaining:
            break
        view = _next_view(gray, view, pixels.shape, box)
        is_dark = scene.foreground.is_dark
    touches = scene.components.touches[:, selected].any(axis=1)
    if (touches & _reaches_beyond(gray, view)).any():
        raise ImageError(
            "shows something larger that touches the digit; send an image with one digit, and "
            "nothing else that stands out"
        )
    strength = scene.foreground.strength
    if selected.all() and len(selected) < MAX_COMPONENTS:
        return strength
    mask = scene.components.mask(selected)
    return np.where(mask, strength, np.float32(0))


def _reaches_beyond(gray: Image.Image, view: Box) -> NDArray[np.bool_]:
    """Return whether there is more of the image above, below, left and right of the view."""
    left, top, right, bottom = view
    return np.array([top > 0, bottom < gray.height, left > 0, right < gray.width])


def _resample(gray: Image.Image, view: Box) -> NDArray[np.float32]:
    """Return the gray values of the view, [height, width], float32, 0 to 1."""
    width, height = view[2] - view[0], view[3] - view[1]
    scale = _SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(gray.resize(size, method, box=view), np.float32) / np.float32(255)


def _next_view(gray: Image.Image, view: Box, shape: tuple[int, int], box: NDArray[np.int64]) -> Box:
    """Return a square around the box, as far as the image reaches."""
    scale = max(view[2] - view[0], view[3] - view[1]) / max(shape)
    top, left, bottom, right = box * scale
    half = _VIEW_SIDE / 2 * max(bottom - top, right - left)
    x, y = view[0] + (left + right) / 2, view[1] + (top + bottom) / 2
    return (
        max(0, x - half),
        max(0, y - half),
        min(gray.width, x + half),
        min(gray.height, y + half),
    )
