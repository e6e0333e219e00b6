"""The digit in a picture: frames are peeled off, specks dropped, parts kept together."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crosscloud_mnist.errors import PictureError
from crosscloud_mnist.pictures.frames import insides
from crosscloud_mnist.pictures.ink import Ink, find_ink
from crosscloud_mnist.pictures.ground import shadowed_ground, smooth_ground

_MOST_FRAMES = 6


def find_digit(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    best, inside = _find(gray, smooth_ground)
    for view in (inside, gray):
        if best[1] >= 0.8:
            break
        try:
            best = max(best, _find(view, shadowed_ground)[0], key=lambda f: f[1])
        except PictureError:
            continue
    return best[0]


def _find(gray, ground):
    ink = find_ink(gray, ground)
    for _ in range(_MOST_FRAMES):
        found = _inner(gray, ink, ground)
        if found is None:
            break
        gray, ink = found
    keep, score = _parts(ink)
    return (_focused(gray, ink, keep), score), gray


def _focused(gray, ink, keep):
    """Look again at the digit and its surroundings alone."""
    rows, columns = ndimage.find_objects(keep.astype(np.uint8))[0]
    margin = round(0.3 * max(rows.stop - rows.start, columns.stop - columns.start))
    window = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in (rows, columns))
    coarse = np.where(keep, ink.strength, 0)
    try:
        fine = find_ink(gray[window], smooth_ground)
    except PictureError:
        return coarse
    near = ndimage.maximum_filter(keep[window], 3)
    both, one, other = (
        (fine.mask & near & ink.mask[window]).sum(),
        (fine.mask & near).sum(),
        (ink.mask & keep)[window].sum(),
    )
    if both < 0.7 * max(one, other):
        return coarse
    labels, _ = ndimage.label(fine.mask)
    wanted = np.unique(labels[fine.mask & ink.mask[window] & keep[window]])
    again = ndimage.maximum_filter(np.isin(labels, wanted[wanted > 0]), 5) & near
    return np.where(again, fine.strength, 0)


def _inner(gray, ink, ground):
    for inside, sheet in chain(insides(ink.mask), insides(ink.off_ground)):
        try:
            cut = _cut(gray, inside)
            inner = find_ink(cut, ground)
        except PictureError:
            continue
        if inner.level > 0.25 * ink.level and _substantial(inner.mask, sheet):
            return cut, inner
    return None


def _substantial(mask, sheet):
    height, width = mask.shape
    labels, _ = ndimage.label(mask)
    for rows, columns in ndimage.find_objects(labels):
        h, w = rows.stop - rows.start, columns.stop - columns.start
        touches = (
            rows.start == 0 or columns.start == 0 or rows.stop == height or columns.stop == width
        )
        if (sheet or not touches) and h > 0.2 * max(height, width) and h > 0.3 * w:
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
    reach = 0.2 * length[main]
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
    share = mass[list(kept)].sum() / mass.sum()
    return keep, share * (1.0 if all(free[list(kept)]) else 0.5)


def _gap(one, other) -> float:
    return max(max(a.start, b.start) - min(a.stop, b.stop) for a, b in zip(one, other, strict=True))
