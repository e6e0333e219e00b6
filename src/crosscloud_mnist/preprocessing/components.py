"""The connected components of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Lengths are relative to the side of a square with the image's area.
_JOIN_DISTANCE = 0.012  # pixels this near each other belong to one component
_MIN_LENGTH = 0.15  # of a component that can be a digit
_MAX_EDGE_CONTACT = 0.35  # of the component's length


class Components:
    """Connected components of a mask, with those marked that can be a digit.

    A digit may touch the edge of the image with a few pixels. A component with a long contact is a
    strip of frame, table or shadow.

    Attributes:
        labels: [height, width], int32: the number of each pixel's component, 0 is none.
        mass: [n], the pixels of each component.
        boxes: [n, 4], int64: top, left, bottom, right of each component's bounding box.
        length: [n], int64: the longer side of each bounding box, pixels.
        is_clear_of_edge: [n], bool: hardly touches the edge of the image.
        is_candidate: [n], bool: is clear of the edge and long enough for a digit.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        side = np.sqrt(mask.size)
        joined = ndimage.maximum_filter(mask, max(1, round(_JOIN_DISTANCE * side)))
        self.labels, count = ndimage.label(joined)
        self.mass = ndimage.sum_labels(mask, self.labels, np.arange(1, count + 1))
        boxes = ndimage.find_objects(self.labels)
        self.boxes = np.array(
            [[rows.start, columns.start, rows.stop, columns.stop] for rows, columns in boxes],
            np.int64,
        ).reshape(-1, 4)
        self.length = (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)
        self.is_clear_of_edge = self._edge_contact(count) <= _MAX_EDGE_CONTACT * self.length
        self.is_candidate = self.is_clear_of_edge & (self.length > _MIN_LENGTH * side)

    def _edge_contact(self, count: int) -> NDArray[np.int64]:
        """Return how many pixels of each component lie on the edge of the image."""
        edge = np.ones(self.labels.shape, np.bool_)
        edge[1:-1, 1:-1] = False
        return np.bincount(self.labels[edge], minlength=count + 1)[1:]
