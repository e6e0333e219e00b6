"""The digit in a picture: frames peeled off, specks and edges dropped, its parts together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import PictureError
from crosscloud_mnist.pictures.frames import cut, insides
from crosscloud_mnist.pictures.ink import Ink, find_ink
from crosscloud_mnist.pictures.parts import Parts

_MOST_FRAMES = 6
_LEAST_INNER_CONTRAST = 0.25  # of what encloses it
_LEAST_MASS = 0.03  # of the largest part
_REACH = 0.2  # of the largest part's length: the bar of a 5, broken strokes


def find_digit(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ink of the digit alone.

    Args:
        gray: [height, width], float32, 0 to 1.

    Returns:
        [height, width] of the region it stands in, float32, 0 is ground and about 1 is ink.

    Raises:
        PictureError: The picture shows no ink.
    """
    ink = find_ink(gray)
    ink = _innermost(gray, ink, _MOST_FRAMES) or ink
    return np.where(_digit(ink.parts), ink.strength, np.float32(0))


def _innermost(gray: NDArray[np.float32], ink: Ink, depth: int) -> Ink | None:
    """Return the ink inside of as many frames as enclose some, or None where there is none."""
    for inside in insides(ink.off_ground) if depth else ():
        inner = cut(gray, inside)
        try:
            found = find_ink(inner)
        except PictureError:
            continue  # nothing is inside: a thick stroke, or the hole of a 0
        if found.contrast > _LEAST_INNER_CONTRAST * ink.contrast:
            innermost = _innermost(inner, found, depth - 1)
            if innermost is not None:
                return innermost
    return ink if ink.parts.whole.any() else None


def _digit(parts: Parts) -> NDArray[np.bool_]:
    """Keep the heaviest part that the edge does not cut, and what belongs to it."""
    pool = parts.whole
    allowed = parts.free if pool.any() else np.ones_like(pool)
    main = int(np.argmax(np.where(pool if pool.any() else allowed, parts.mass, -1)))
    allowed = allowed & (parts.mass >= _LEAST_MASS * parts.mass[main])
    kept = np.arange(len(pool)) == main
    for _ in range(len(pool)):
        reached = kept | (allowed & (_gaps(parts.boxes, kept) < _REACH * parts.length[main]))
        if (reached == kept).all():
            break
        kept = reached
    return np.isin(parts.labels, np.flatnonzero(kept) + 1)


def _gaps(boxes: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Distance of every box from the nearest kept one, in pixels along the worse axis."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    gaps = np.maximum(low, boxes[kept, :2]) - np.minimum(high, boxes[kept, 2:])
    return np.asarray(gaps.max(axis=2).min(axis=1))
