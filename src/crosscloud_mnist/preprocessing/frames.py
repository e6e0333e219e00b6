"""The region that a frame, a card or a sheet of paper encloses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_MIN_AREA = 0.06  # of the image
_CANDIDATES = 4
_MIN_OVERLAP = 0.88  # of the shape and the quadrilateral through its corners
_INSETS = 0.03, 0.09  # of its side: the blurred edge, or a frame as pale as the paper
_MIN_LEFT = 0.3  # of the shape, inside of its wall: a digit's stroke leaves less
_TOWARDS_CORNERS = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])


def enclosed_regions(off_ground: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Find what is enclosed by something four-sided, the largest first.

    A line around the digit, a border around the image and a sheet on a table are one case: the
    shape, its holes filled, is a quadrilateral.

    Args:
        off_ground: [height, width], bool.

    Yields:
        Masks [height, width], bool, of the regions inside.
    """
    labels, _ = ndimage.label(ndimage.binary_closing(np.pad(off_ground, 2), iterations=2))
    labels = labels[2:-2, 2:-2]
    sizes = [(r.stop - r.start) * (c.stop - c.start) for r, c in ndimage.find_objects(labels)]
    for index in np.argsort(sizes)[::-1][:_CANDIDATES]:
        shape = labels == index + 1
        filled = ndimage.binary_fill_holes(shape)
        if filled.sum() < _MIN_AREA * filled.size or not _is_quadrilateral(filled):
            continue
        depth = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1]
        thickness = _thickness(np.ceil(depth[filled]).astype(int), shape[filled])
        for inset in _INSETS:
            inside = depth > thickness + max(1, inset * np.sqrt(filled.sum()))
            if inside.sum() > _MIN_LEFT * filled.sum():
                yield inside


def crop(gray: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Crop to the region; what is in the crop but not in the region takes the nearest value."""
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    nearest = ndimage.distance_transform_edt(
        ~inside[box], return_distances=False, return_indices=True
    )
    return np.asarray(gray[box][tuple(nearest)])


def _thickness(depth: NDArray[np.int64], shape: NDArray[np.bool_]) -> int:
    """Return at which depth a hollow shape's wall ends, in pixels; 0 where it is not hollow."""
    wall = np.bincount(depth, weights=shape)[1:] / np.maximum(1, np.bincount(depth)[1:])
    hollow = np.flatnonzero(wall < 0.5)
    return int(hollow[0]) if hollow.size and hollow[0] < len(wall) / 2 else 0


def _is_quadrilateral(shape: NDArray[np.bool_]) -> bool:
    """Tell whether the shape and the polygon through its outermost points are the same."""
    points = np.argwhere(shape)
    corners = points[np.argmax(points @ _TOWARDS_CORNERS.T, axis=0)]
    y, x = np.indices(shape.shape)
    polygon = np.ones_like(shape)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        polygon &= (x1 - x0) * (y - y0) >= (y1 - y0) * (x - x0)
    return bool((polygon & shape).sum() > _MIN_OVERLAP * (polygon | shape).sum())
