"""Where a frame, a card or a sheet encloses something, the region inside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError


def insides(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    side = max(mask.shape)
    gap = max(1, round(side * 0.01))
    labels, count = ndimage.label(ndimage.maximum_filter(mask, 3))
    boxes = ndimage.find_objects(labels)
    areas = np.array([(r.stop - r.start) * (c.stop - c.start) for r, c in boxes])
    if not count:
        return
    big = np.flatnonzero(areas >= 0.05 * areas.max()) + 1
    for corners in _outlines(np.isin(labels, big) & mask):
        covered = _coverage(mask, corners)
        inner = _polygon(mask.shape, _shrunk(corners, 0.02))
        share = mask[inner].mean() if inner.any() else 0
        if (
            covered.min() > 0.7
            and covered.mean() > 0.85
            and share > 0.5
            and inner.sum() > 0.04 * mask.size
        ):
            yield inner, True
    strips = _without_strips(mask)
    if strips is not None:
        yield strips, True
    order = np.argsort(-areas)[:2]
    for index in order:
        one = labels == index + 1
        holes, n = ndimage.label(
            ~ndimage.binary_closing(np.pad(one, gap), iterations=gap)[gap:-gap, gap:-gap]
            if True
            else ~one
        )
        if n:
            sizes = ndimage.sum_labels(np.ones_like(mask), holes, np.arange(1, n + 1))
            edge = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
            sizes[[e - 1 for e in edge if e]] = 0
            best = int(np.argmax(sizes))
            if sizes[best] > 0.3 * areas[index]:
                hole = ndimage.binary_fill_holes(holes == best + 1)
                hole = ndimage.binary_erosion(hole, iterations=gap)
                if hole.any():
                    yield hole, False
        for corners in _outlines(one):
            covered = np.sort(_coverage(one, corners))
            if covered[1] > 0.7 and covered.mean() > 0.7:
                width = (
                    2.0
                    * one.sum()
                    / max(1, sum(np.hypot(*(corners[i] - corners[i - 1])) for i in range(4)))
                )
                inner = _polygon(mask.shape, _shrunk(corners, 0.02, width))
                if inner.any():
                    yield inner, False


def _without_strips(mask):
    """A frame on some sides only."""
    inside = np.ones_like(mask)
    open_sides = []
    for turn in range(4):
        turned, left = np.rot90(mask, turn), np.rot90(inside, turn)
        full = turned.mean(axis=1) > 0.9
        n = 0 if not full[0] else (len(full) if full.all() else int(np.argmin(full)))
        if 0 < n < len(full) // 2:
            left[: n + max(2, len(full) // 60)] = False
        else:
            open_sides.append(turn)
    if len(open_sides) == 4:
        return None
    rest = mask & inside
    if any(np.rot90(rest, turn)[:2].any() for turn in open_sides):
        return None
    return inside


def _outlines(mask):
    corners = _quad(mask)
    if corners is not None:
        yield corners
    r, c = ndimage.find_objects(mask.astype(np.uint8))[0]
    t, b, l, rr = r.start, r.stop - 1, c.start, c.stop - 1
    if b - t > 8 and rr - l > 8:
        yield np.array([[t, l], [t, rr], [b, rr], [b, l]], float)


def _quad(mask):
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) < 8:
        return None
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)]).astype(float)
    try:
        hull = ConvexHull(points)
    except QhullError:
        return None
    corners = np.array(
        [points[np.argmax(points @ np.array(d))] for d in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
    )
    y, x = corners.T
    area = 0.5 * abs(np.dot(y, np.roll(x, 1)) - np.dot(x, np.roll(y, 1)))
    return corners if area > 0.85 * hull.volume else None


def _coverage(mask, corners):
    near = ndimage.maximum_filter(mask, max(3, round(max(mask.shape) * 0.025)))
    along = np.linspace(0.02, 0.98, 64)[:, None]
    covered = []
    for i in range(4):
        points = corners[i - 1] * (1 - along) + corners[i] * along
        r, c = np.clip(points.round().astype(int), 0, np.array(mask.shape) - 1).T
        covered.append(near[r, c].mean())
    return np.array(covered)


def _shrunk(corners, share, width=0.0):
    centre = corners.mean(axis=0)
    size = np.abs(corners - centre)
    inset = np.maximum(1.0, share * size) + width
    return corners - np.sign(corners - centre) * inset


def _polygon(shape, corners):
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    inside = np.ones(shape, bool)
    for i in range(4):
        (ay, ax), (by, bx) = corners[i - 1], corners[i]
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    return inside
