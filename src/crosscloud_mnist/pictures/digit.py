"""The digit in a picture: frames are peeled off, specks dropped, parts kept together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import PictureError
from crosscloud_mnist.pictures.frames import insides
from crosscloud_mnist.pictures.ink import Ink, find_ink

_MOST_FRAMES = 6


def find_digit(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    ink = find_ink(gray)
    for _ in range(_MOST_FRAMES):
        found = _inner(gray, ink)
        if found is None:
            break
        gray, ink = found
    return _parts(ink)


def _inner(gray, ink):
    for inside in insides(ink.mask):
        try:
            cut = _cut(gray, inside)
            inner = find_ink(cut)
        except PictureError:
            continue
        if inner.level > 0.25 * ink.level and _substantial(inner.mask):
            return cut, inner
    return None


def _substantial(mask):
    labels, count = ndimage.label(mask)
    for rows, columns in ndimage.find_objects(labels):
        h, w = rows.stop - rows.start, columns.stop - columns.start
        touches = (
            rows.start == 0
            or columns.start == 0
            or rows.stop == mask.shape[0]
            or columns.stop == mask.shape[1]
        )
        if not touches and max(h, w) > 0.2 * max(mask.shape):
            return True
    return False


def _cut(gray, inside):
    """Crop; what is outside of it takes the nearest value inside."""
    rows, columns = ndimage.find_objects(inside.astype(np.uint8))[0]
    gray, inside = gray[rows, columns], inside[rows, columns]
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return gray[tuple(nearest)]


def _parts(ink: Ink) -> NDArray[np.float32]:
    mask = ink.mask
    height, width = mask.shape
    side = max(mask.shape)
    joined = ndimage.maximum_filter(mask, max(1, round(side * 0.012)))
    labels, count = ndimage.label(joined)
    mass = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    boxes = ndimage.find_objects(labels)
    edge = max(1, round(side * 0.008))
    length = np.array([max(r.stop - r.start, c.stop - c.start) for r, c in boxes])
    free = np.array(
        [
            r.start > edge and c.start > edge and r.stop < height - edge and c.stop < width - edge
            for r, c in boxes
        ]
    )
    candidates = free & (length > 0.12 * side) & (mass > 0.02 * mass.max())
    pool = candidates if candidates.any() else np.ones(count, bool)
    main = int(np.argmax(np.where(pool, mass, -1)))
    allowed = free if candidates.any() else np.ones(count, bool)
    kept = {main}
    reach = 0.4 * length[main]
    grown = True
    while grown:
        grown = False
        for i in range(count):
            if i in kept or not allowed[i] or mass[i] < 0.03 * mass[main]:
                continue
            if any(_gap(boxes[i], boxes[k]) < reach for k in kept):
                kept.add(i)
                grown = True
    keep = np.isin(labels, [k + 1 for k in kept])
    return np.where(keep, ink.strength, 0).astype(np.float32)


def _gap(one, other) -> float:
    return max(max(a.start, b.start) - min(a.stop, b.stop) for a, b in zip(one, other, strict=True))
