"""The connected components of a foreground, and what each of them can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MAX_COMPONENTS = 64  # the heaviest: bounds the time that an image takes
MIN_STRENGTH = 0.4  # every component has pixels that are stronger than this
EDGE_STRENGTH = 0.6 * MIN_STRENGTH  # weaker pixels next to a component are not part of it
_MAX_EDGE_CONTACT = 0.35  # of the component's length; a strip of table or shadow has more
_MIN_FRAMED = 0.15  # of a frame's length: what is inside it; a dot in a 0 is smaller
_MAX_FRAME_SHARE = 0.1  # of a frame's pixels: those in the bounding box of what is inside
_MAX_THICKNESS = 0.7  # of the component's length; a blot is thicker
_MIN_BAR = 4.0  # width of a bar, in heights
_MIN_BOX_OUTLINE, _MAX_BOX_AREA = 0.85, 0.6  # of the outline of a bounding box, and of its area
_MIN_BOX_SIDE = 8  # pixels
_CONNECTED = np.ones((3, 3), np.bool_)  # also across corners


class Components:
    """Connected components of a foreground.

    Attributes:
        labels: [height, width], int64: the number of each pixel's component, 0 is none.
        mass: [n], int64: the pixels of each component.
        boxes: [n, 4], int64: top, left, bottom, right of each component's bounding box.
        length: [n], int64: the longer side of each bounding box, pixels.
        edge_contact: [n], int64: the pixels on the edge of the image.
        touches: [4, n], bool: the component touches the image's top, bottom, left, right.
    """

    def __init__(self, strength: NDArray[np.float32]) -> None:
        """Label what is stronger than ``EDGE_STRENGTH`` and has a core above ``MIN_STRENGTH``.

        Args:
            strength: [height, width], float32, 0 is background and about 1 is foreground.
        """
        mask = strength > EDGE_STRENGTH
        # Pixels with one pixel between them belong to one component.
        labels, count = ndimage.label(ndimage.maximum_filter(mask, 3), _CONNECTED)
        has_core = np.bincount(labels[strength > MIN_STRENGTH], minlength=count + 1) > 0
        has_core[0] = False
        mass = np.bincount(labels[mask], minlength=count + 1)
        has_core[np.argsort(mass * has_core)[:-MAX_COMPONENTS]] = False
        self.labels = (np.cumsum(has_core) * has_core)[labels]
        self.mass = mass[has_core]
        objects = ndimage.find_objects(labels)
        self.boxes = np.array(
            [
                (rows.start, columns.start, rows.stop, columns.stop)
                for (rows, columns), is_kept in zip(objects, has_core[1:], strict=True)
                if is_kept
            ],
            np.int64,
        ).reshape(-1, 4)
        self.length = (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1, initial=0)
        edges = [self.labels[0], self.labels[-1], self.labels[1:-1, 0], self.labels[1:-1, -1]]
        contacts = np.stack([np.bincount(edge, minlength=len(self) + 1)[1:] for edge in edges])
        self.edge_contact = contacts.sum(axis=0)
        self.touches = contacts > 0

    def __len__(self) -> int:
        return len(self.mass)

    def is_clear_of_edge(self) -> NDArray[np.bool_]:
        """Return [n], bool: hardly touches the edge of the image."""
        return np.asarray(self.edge_contact <= _MAX_EDGE_CONTACT * self.length)

    def is_frame(self) -> NDArray[np.bool_]:
        """Return [n], bool: surrounds something of a digit's size without touching it.

        The outline may be of any form and open: a component is inside of another if its bounding
        box is, and if the other has hardly a pixel there.
        """
        result = np.zeros(len(self), np.bool_)
        for outer in range(len(self)):
            is_inside = (self.boxes[:, :2] > self.boxes[outer, :2]).all(axis=1)
            is_inside &= (self.boxes[:, 2:] < self.boxes[outer, 2:]).all(axis=1)
            is_inside &= self.length >= _MIN_FRAMED * self.length[outer]
            result[outer] = any(
                (self.labels[_slices(self.boxes[inner])] == outer + 1).sum()
                < _MAX_FRAME_SHARE * self.mass[outer]
                for inner in np.flatnonzero(is_inside)
            )
        return result

    def is_blot(self) -> NDArray[np.bool_]:
        """Return [n], bool: is thicker than a digit's stroke."""
        depth = np.zeros(len(self))
        for index, box in enumerate(self.boxes):
            shape = np.pad(self.labels[_slices(box)] == index + 1, 1)
            depth[index] = ndimage.distance_transform_cdt(shape, "taxicab").max()
        # A label is one pixel wider than the component on each side.
        return np.asarray(2 * (depth - 1) > _MAX_THICKNESS * (self.length - 2))

    def is_bar(self) -> NDArray[np.bool_]:
        """Return [n], bool: is a horizontal bar."""
        height, width = (self.boxes[:, 2:] - self.boxes[:, :2]).T
        return np.asarray(width >= _MIN_BAR * height)

    def is_box(self) -> NDArray[np.bool_]:
        """Return [n], bool: is an upright rectangle's outline."""
        result = np.zeros(len(self), np.bool_)
        for index, box in enumerate(self.boxes):
            shape = self.labels[_slices(box)] == index + 1
            if min(shape.shape) >= _MIN_BOX_SIDE:
                sides = [side.any(axis=axis) for side, axis in _margins(shape)]
                outline = np.concatenate(sides).mean()
                result[index] = outline > _MIN_BOX_OUTLINE and shape.mean() < _MAX_BOX_AREA
        return result

    def gaps(self, selected: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return each box's distance from the nearest selected one: the larger of the two axes'."""
        low, high = self.boxes[:, None, :2], self.boxes[:, None, 2:]
        gaps = np.maximum(low, self.boxes[selected, :2]) - np.minimum(
            high, self.boxes[selected, 2:]
        )
        return np.asarray(gaps.max(axis=2).min(axis=1))

    def bounding_box(self, selected: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return top, left, bottom, right of the selected components."""
        boxes = self.boxes[selected]
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])

    def mask(self, selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return [height, width], bool: the pixels of the selected components."""
        return np.asarray(np.concatenate([[False], selected])[self.labels])


def _slices(box: NDArray[np.int64]) -> tuple[slice, slice]:
    top, left, bottom, right = box
    return slice(top, bottom), slice(left, right)


def _margins(shape: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], int]]:
    """Return the outermost pixels at each of the four sides, and the axis across that side."""
    return [(shape[:2], 0), (shape[-2:], 0), (shape[:, :2], 1), (shape[:, -2:], 1)]
