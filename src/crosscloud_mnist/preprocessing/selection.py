"""Which components of a foreground are the digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import Components

_MIN_LENGTH = 0.15  # of the image's side: what is shorter is taken only if nothing longer is there
_MIN_MASS = 0.03  # of the main component's: below it is a speck
_MAX_GAP = 0.4  # of the main component's length: the bar of a 5, broken strokes
_MAX_BAR = 2.0  # of the main component's width: a longer bar is no part of a digit
_MIN_UNDERLINE, _MAX_OVERLAP = 0.6, 3  # of that width; pixels: of an underline with the digit
_MIN_RIVAL_LENGTH, _MIN_RIVAL_MASS = 0.5, 0.25  # of the main component's: a second digit


def candidates(
    components: Components, shape: tuple[int, int], is_detail: bool
) -> NDArray[np.bool_]:
    """Return [n], bool: which components can be a digit, or the main part of one.

    Args:
        components: Of the foreground.
        shape: Of the image: height and width, pixels.
        is_detail: The image is a part of a larger one, with the digit well inside.
    """
    possible = components.is_clear_of_edge() & ~components.is_box()
    if len(components) > 1:
        possible = possible & ~components.is_frame()
        for is_other in (
            is_cut(components, is_detail),
            components.is_blot(),
            components.is_bar(),
        ):
            if (possible & ~is_other & (components.length > _MIN_LENGTH * _side(shape))).any():
                possible = possible & ~is_other
    is_long = possible & (components.length > _MIN_LENGTH * _side(shape))
    return np.asarray(is_long if is_long.any() else possible)


def select(
    components: Components, possible: NDArray[np.bool_], is_detail: bool
) -> NDArray[np.bool_]:
    """Return [n], bool: the main component and those that belong to it.

    The main component is the heaviest one that can be a digit. Components near it belong to the
    digit, and so do those near these.

    Raises:
        ImageError: There is another thing of the digit's size.
    """
    main = int(np.argmax(np.where(possible, components.mass, -1)))
    length, mass = components.length[main], components.mass[main]
    allowed = components.is_clear_of_edge() & (components.mass >= _MIN_MASS * mass)
    if len(components) > 1:
        allowed &= ~components.is_frame() & ~_is_underline(components, main)
        allowed &= ~is_cut(components, is_detail)
    selected = np.arange(len(components)) == main
    for _ in range(len(components)):
        extended = selected | (allowed & (components.gaps(selected) < _MAX_GAP * length))
        if (extended == selected).all():
            break
        selected = extended
    rival = possible & ~selected & (components.length >= _MIN_RIVAL_LENGTH * length)
    if (rival & (components.mass >= _MIN_RIVAL_MASS * mass)).any():
        raise ImageError(
            "shows more than one digit, or something else of a digit's size; send an image with "
            "one digit"
        )
    return np.asarray(selected)


def is_cut(components: Components, is_detail: bool) -> NDArray[np.bool_]:
    """Return [n], bool: touches so many edges that it reaches beyond the image."""
    return np.asarray(components.touches.sum(axis=0) > (0 if is_detail else 1))


def _is_underline(components: Components, main: int) -> NDArray[np.bool_]:
    """Return [n], bool: is a bar below the main component, or a wider one elsewhere."""
    width = components.boxes[:, 3] - components.boxes[:, 1]
    is_below = components.boxes[:, 0] >= components.boxes[main, 2] - _MAX_OVERLAP
    least = np.where(is_below, _MIN_UNDERLINE, _MAX_BAR) * width[main]
    return np.asarray(components.is_bar() & (width > least))


def _side(shape: tuple[int, int]) -> float:
    """Return the side of a square with the image's area, pixels."""
    return float(np.sqrt(shape[0] * shape[1]))
