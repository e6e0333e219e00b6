"""The connected components of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_MIN_LENGTH = 0.15  # of the side of a square as large as the image
_MAX_TOUCHING = 0.35  # of its length


class Components:
    """Connected components of a mask: which of them are free of the edge, and long enough.

    What touches the edge with a few pixels is a digit that reaches it; what runs along the edge
    is a strip of frame, table or shadow.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        side = np.sqrt(mask.size)
        gap = max(1, round(0.012 * side))
        self.labels, count = ndimage.label(ndimage.maximum_filter(mask, gap))
        self.mass = ndimage.sum_labels(mask, self.labels, np.arange(1, count + 1))
        boxes = ndimage.find_objects(self.labels)
        self.boxes = np.array(
            [[r.start, c.start, r.stop, c.stop] for r, c in boxes], np.int64
        ).reshape(-1, 4)
        self.length = (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)
        rim = np.ones_like(mask)
        rim[1:-1, 1:-1] = False
        touching = np.bincount(self.labels[rim], minlength=count + 1)[1:]
        self.free = touching <= _MAX_TOUCHING * self.length
        self.whole = self.free & (self.length > _MIN_LENGTH * side)
