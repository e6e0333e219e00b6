"""Ruled lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SLOPES = np.linspace(-0.1, 0.1, 41)


def without_ruling(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask = _without_level_lines(mask)
    return _without_level_lines(mask.T).T


def _without_level_lines(mask):
    height, width = mask.shape
    if not (mask[:, : max(1, width // 40)].any() and mask[:, -max(1, width // 40) :].any()):
        return mask
    if min(mask.shape) < 40:
        return mask
    thickest = max(3, round(0.025 * max(mask.shape)))
    columns = np.linspace(0, width - 1, 80).round().astype(int)
    rise = np.round(_SLOPES[:, None] * (columns - width / 2)).astype(int)
    padded = np.pad(mask, ((height, height), (0, 0)))
    out = mask
    rows = np.arange(height)
    covered = np.stack([padded[rows[:, None] + r + height, columns].mean(axis=1) for r in rise])
    ends = np.stack(
        [
            padded[rows[:, None] + r + height, columns][:, [0, 1, 2, -3, -2, -1]].mean(axis=1)
            for r in rise
        ]
    )
    covered = np.where(ends > 0.6, covered, 0)
    left = covered.copy()
    for _ in range(40):
        slope, row = np.unravel_index(np.argmax(left), left.shape)
        if left[slope, row] < 0.75:
            break
        along = covered[slope] > 0.4
        top = bottom = row
        while top > 0 and along[top - 1]:
            top -= 1
        while bottom < height - 1 and along[bottom + 1]:
            bottom += 1
        left[:, max(0, top - 2) : bottom + 3] = 0
        if bottom - top + 1 > thickest:
            continue
        shift = np.round(_SLOPES[slope] * (np.arange(width) - width / 2)).astype(int)
        band = np.zeros_like(padded)
        above, below = np.zeros(width, bool), np.zeros(width, bool)
        c = np.arange(width)
        for k in range(2, 4):
            above |= padded[np.clip(top - k + shift + height, 0, 3 * height - 1), c]
            below |= padded[np.clip(bottom + k + shift + height, 0, 3 * height - 1), c]
        go = ~(above | below)
        for r in range(top - 1, bottom + 2):
            band[np.clip(r + shift + height, 0, 3 * height - 1)[go], c[go]] = True
        out = out & ~band[height : 2 * height]
    return out
