"""The digit in an image: inside its frames, without specks and edges, all its components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import Components
from crosscloud_mnist.preprocessing.foreground import Foreground, find_foreground
from crosscloud_mnist.preprocessing.frames import crop, enclosed_regions

_MAX_FRAMES = 6  # one inside the other
_MIN_INNER_CONTRAST = 0.25  # of the contrast of what encloses it
_MIN_MASS = 0.03  # of the main component's: below it is a speck
_MAX_GAP = 0.2  # of the main component's length: the bar of a 5, broken strokes


def find_digit(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the foreground of the digit alone.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        [height, width] of the digit's region, float32, 0 is background and about 1 is foreground.

    Raises:
        ImageError: The image shows no foreground.
    """
    outer = find_foreground(gray)
    foreground = _find_innermost(gray, outer, _MAX_FRAMES) or outer
    return np.where(_select_digit(foreground.components), foreground.strength, np.float32(0))


def _find_innermost(
    gray: NDArray[np.float32], foreground: Foreground, depth: int
) -> Foreground | None:
    """Return the foreground inside of all frames, or None where no component can be a digit."""
    for region in enclosed_regions(foreground.is_off_background) if depth else ():
        inner_gray = crop(gray, region)
        try:
            inner = find_foreground(inner_gray)
        except ImageError:
            continue  # the region is empty: inside of a thick stroke, or the hole of a 0
        if inner.contrast > _MIN_INNER_CONTRAST * foreground.contrast:
            innermost = _find_innermost(inner_gray, inner, depth - 1)
            if innermost is not None:
                return innermost
    return foreground if foreground.components.is_candidate.any() else None


def _select_digit(components: Components) -> NDArray[np.bool_]:
    """Return the mask of the main component and of those that belong to it.

    The main component is the heaviest candidate. Components near it belong to the digit, and so do
    those near these.
    """
    candidates = components.is_candidate
    allowed = components.is_clear_of_edge
    if not candidates.any():
        candidates = allowed = np.ones_like(candidates)
    main = int(np.argmax(np.where(candidates, components.mass, -1)))
    allowed = allowed & (components.mass >= _MIN_MASS * components.mass[main])
    selected = np.arange(len(candidates)) == main
    for _ in range(len(candidates)):
        is_near = _gaps(components.boxes, selected) < _MAX_GAP * components.length[main]
        extended = selected | (allowed & is_near)
        if (extended == selected).all():
            break
        selected = extended
    return np.isin(components.labels, np.flatnonzero(selected) + 1)


def _gaps(boxes: NDArray[np.int64], selected: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each box's distance from the nearest selected one: the larger of the two axes'."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    gaps = np.maximum(low, boxes[selected, :2]) - np.minimum(high, boxes[selected, 2:])
    return np.asarray(gaps.max(axis=2).min(axis=1))
