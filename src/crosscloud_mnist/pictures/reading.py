"""A picture of any mode and size to gray values of a working size."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crosscloud_mnist.errors import PictureError

WORKING_SIDE = 480
_MOST_PIXELS = 50_000_000
_SHORTEST_SIDE = 6
_NUMERIC_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_CARD_SHARE = 0.5
_CARD_SPREAD = 60.0


def read_gray(picture: Image.Image) -> NDArray[np.float32]:
    width, height = picture.size
    if width * height > _MOST_PIXELS:
        raise PictureError(f"the picture is {width} x {height} pixels")
    if max(width, height) < _SHORTEST_SIDE or min(width, height) < 1:
        raise PictureError(f"small {width} x {height} pixels")
    try:
        picture.load()
        gray = _gray(_upright(picture))
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise PictureError(f"undecodable {error}") from error
    return _resized(gray)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, struct.error):
        return picture


def _gray(picture: Image.Image) -> Image.Image:
    if picture.mode in _NUMERIC_MODES:
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        return Image.fromarray(((values - low) / max(high - low, 1e-12)).astype(np.float32))
    if picture.has_transparency_data:
        return _flattened(_reduced(picture.convert("RGBA")))
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    return _scaled(_reduced(picture).convert("L"))


def _scaled(gray: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(gray, dtype=np.float32) / np.float32(255))


def _reduced(picture: Image.Image) -> Image.Image:
    factor = max(picture.size) // (2 * WORKING_SIDE)
    return picture.reduce(factor) if factor > 1 else picture


def _flattened(picture: Image.Image) -> Image.Image:
    gray = np.asarray(picture.convert("RGB").convert("L"), dtype=np.float32)
    alpha = np.asarray(picture.getchannel("A"), dtype=np.float32) / 255
    visible = gray[alpha > 0.5]
    if not visible.size:
        raise PictureError("wholly transparent")
    spread = np.percentile(visible, 95) - np.percentile(visible, 5)
    if visible.size > _CARD_SHARE * gray.size and spread > _CARD_SPREAD:
        ground = np.median(visible)
    else:
        ground = 255.0 if np.average(gray, weights=alpha) < 128 else 0.0
    return Image.fromarray((gray * alpha + ground * (1 - alpha)) / np.float32(255))


def _resized(gray: Image.Image) -> NDArray[np.float32]:
    scale = WORKING_SIDE / max(gray.size)
    width, height = (max(1, round(side * scale)) for side in gray.size)
    return np.asarray(gray.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
