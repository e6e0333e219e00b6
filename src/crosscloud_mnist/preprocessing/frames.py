"""The region that a frame, a card or a sheet of paper encloses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Chosen by hand on the images of tests/unit/preprocessing; the results on them are the same for
# _MIN_OVERLAP from 0.80 to 0.93.
_MIN_AREA = 0.06  # of the image
_MAX_CANDIDATES = 4  # the largest shapes
_MIN_OVERLAP = 0.88  # of a shape with its quadrilateral, by union; an ellipse has 0.64
_INSETS = 0.03, 0.09  # of the region's side: a wall's blurred edge, or a frame pale as paper
_MIN_INNER_AREA = 0.3  # of the shape, inside of its wall: a digit's stroke leaves less
_CORNER_DIRECTIONS = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)])


def enclosed_regions(is_off_background: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Find the regions that something four-sided encloses, the largest first.

    A line around the digit, a border around the image and a sheet on a table are one case: the
    shape with its holes filled is a quadrilateral.

    Args:
        is_off_background: [height, width], bool.

    Yields:
        Masks [height, width], bool, of the regions inside.
    """
    for shape in _largest_shapes(is_off_background):
        filled = ndimage.binary_fill_holes(shape)
        if filled.sum() < _MIN_AREA * filled.size or not _is_quadrilateral(filled):
            continue
        depth = ndimage.distance_transform_edt(np.pad(filled, 1))[1:-1, 1:-1]
        thickness = _wall_thickness(np.ceil(depth[filled]).astype(int), shape[filled])
        for inset in _INSETS:
            region = depth > thickness + max(1, inset * np.sqrt(filled.sum()))
            if region.sum() > _MIN_INNER_AREA * filled.sum():
                yield region


def crop(gray: NDArray[np.float32], region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Crop to the region's bounding box; pixels outside of the region get the nearest value in it.

    Args:
        gray: [height, width], float32.
        region: [height, width], bool.
    """
    box = ndimage.find_objects(region.astype(np.uint8))[0]
    nearest = ndimage.distance_transform_edt(
        ~region[box], return_distances=False, return_indices=True
    )
    return np.asarray(gray[box][tuple(nearest)])


def _largest_shapes(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield the connected shapes of the mask, small gaps closed, by their bounding boxes' area."""
    labels, _ = ndimage.label(ndimage.binary_closing(np.pad(mask, 2), iterations=2))
    labels = labels[2:-2, 2:-2]
    areas = [
        (rows.stop - rows.start) * (columns.stop - columns.start)
        for rows, columns in ndimage.find_objects(labels)
    ]
    for index in np.argsort(areas)[::-1][:_MAX_CANDIDATES]:
        yield labels == index + 1


def _wall_thickness(depth: NDArray[np.int64], is_shape: NDArray[np.bool_]) -> int:
    """Return the thickness of a hollow shape's wall, pixels; 0 where the shape is not hollow.

    Args:
        depth: [n], of each pixel of the filled shape, from its outline.
        is_shape: [n], whether the pixel belongs to the shape and not to its hole.
    """
    pixels = np.maximum(1, np.bincount(depth)[1:])
    wall_share = np.bincount(depth, weights=is_shape)[1:] / pixels
    hollow = np.flatnonzero(wall_share < 0.5)
    return int(hollow[0]) if hollow.size and hollow[0] < len(wall_share) / 2 else 0


def _is_quadrilateral(shape: NDArray[np.bool_]) -> bool:
    """Return whether the shape coincides with the polygon through its four outermost points."""
    points = np.argwhere(shape)
    corners = points[np.argmax(points @ _CORNER_DIRECTIONS.T, axis=0)]
    y, x = np.indices(shape.shape)
    polygon = np.ones_like(shape)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        polygon &= (x1 - x0) * (y - y0) >= (y1 - y0) * (x - x0)
    return bool((polygon & shape).sum() > _MIN_OVERLAP * (polygon | shape).sum())
