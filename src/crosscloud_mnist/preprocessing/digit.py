"""The digit in an image: frames peeled off, specks and edges dropped, its components together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import Components
from crosscloud_mnist.preprocessing.foreground import Foreground, find_foreground
from crosscloud_mnist.preprocessing.frames import crop, enclosed_regions

_MAX_FRAMES = 6
_MIN_INNER_CONTRAST = 0.25  # of what encloses it
_MIN_MASS = 0.03  # of the largest part
_REACH = 0.2  # of the largest part's length: the bar of a 5, broken strokes


def find_digit(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ink of the digit alone.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        [height, width] of the region it stands in, float32, 0 is ground and about 1 is ink.

    Raises:
        ImageError: The image shows no ink.
    """
    ink = find_foreground(gray)
    ink = _innermost(gray, ink, _MAX_FRAMES) or ink
    return np.where(_digit(ink.components), ink.strength, np.float32(0))


def _innermost(gray: NDArray[np.float32], ink: Foreground, depth: int) -> Foreground | None:
    """Return the ink inside of as many frames as enclose some, or None where there is none."""
    for inside in enclosed_regions(ink.off_ground) if depth else ():
        inner = crop(gray, inside)
        try:
            found = find_foreground(inner)
        except ImageError:
            continue  # nothing is inside: a thick stroke, or the hole of a 0
        if found.contrast > _MIN_INNER_CONTRAST * ink.contrast:
            innermost = _innermost(inner, found, depth - 1)
            if innermost is not None:
                return innermost
    return ink if ink.components.whole.any() else None


def _digit(components: Components) -> NDArray[np.bool_]:
    """Keep the heaviest part that the edge does not cut, and what belongs to it."""
    pool = components.whole
    allowed = components.free if pool.any() else np.ones_like(pool)
    main = int(np.argmax(np.where(pool if pool.any() else allowed, components.mass, -1)))
    allowed = allowed & (components.mass >= _MIN_MASS * components.mass[main])
    kept = np.arange(len(pool)) == main
    for _ in range(len(pool)):
        reached = kept | (
            allowed & (_gaps(components.boxes, kept) < _REACH * components.length[main])
        )
        if (reached == kept).all():
            break
        kept = reached
    return np.isin(components.labels, np.flatnonzero(kept) + 1)


def _gaps(boxes: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Distance of every box from the nearest kept one, in pixels along the worse axis."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    gaps = np.maximum(low, boxes[kept, :2]) - np.minimum(high, boxes[kept, 2:])
    return np.asarray(gaps.max(axis=2).min(axis=1))
