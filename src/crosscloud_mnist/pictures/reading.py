"""A picture of any mode and size to gray values at a working size."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from crosscloud_mnist.errors import PictureError

WORKING_SIDE = 256
_MOST_PIXELS = 50_000_000
_SHORTEST_SIDE = 8
_NUMERIC_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def open_picture(content: bytes) -> Image.Image:
    """Open a picture file of any format that Pillow reads.

    Raises:
        PictureError: It is none.
    """
    try:
        return Image.open(io.BytesIO(content))
    except UnidentifiedImageError as error:
        raise PictureError(
            "cannot be opened: it is in no format of a picture; save it again as PNG or JPEG"
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"cannot be opened: {error}; save it again as PNG or JPEG") from error


def read_gray(picture: Image.Image) -> NDArray[np.float32]:
    """Return the gray values of the upright picture, its longer side ``WORKING_SIDE`` pixels.

    Returns:
        [height, width], float32, 0 is black and 1 is white.

    Raises:
        PictureError: The picture cannot be decoded, or has a size that no digit's picture has.
    """
    width, height = picture.size
    if width * height > _MOST_PIXELS or max(width, height) < _SHORTEST_SIDE:
        raise PictureError(
            f"is {width} x {height} pixels; a longer side of {_SHORTEST_SIDE} or more and at most "
            f"{_MOST_PIXELS:,} pixels are expected; send it at another size"
        )
    try:
        picture.load()
        gray = _gray(_upright(picture))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise PictureError(f"cannot be decoded ({error}); save it again as PNG or JPEG") from error
    scale = WORKING_SIDE / max(gray.size)
    size = (max(1, round(gray.width * scale)), max(1, round(gray.height * scale)))
    return np.asarray(gray.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, struct.error):
        return picture  # EXIF data that cannot be read says nothing about the orientation


def _gray(picture: Image.Image) -> Image.Image:
    if picture.mode in _NUMERIC_MODES:
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        return Image.fromarray(((values - low) / max(high - low, 1e-12)).astype(np.float32))
    if picture.has_transparency_data:
        picture = _on_contrasting_ground(_reduced(picture.convert("RGBA")))
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    return Image.fromarray(np.asarray(_reduced(picture).convert("L"), np.float32) / np.float32(255))


def _reduced(picture: Image.Image) -> Image.Image:
    factor = max(picture.size) // (4 * WORKING_SIDE)
    return picture.reduce(factor) if factor > 1 else picture


def _on_contrasting_ground(picture: Image.Image) -> Image.Image:
    """Lay a transparent picture on black or white, whichever tells its ink from the ground.

    What is painted is the ink: a white digit on a transparent ground would vanish on white. Where
    all is painted but a margin, the paper's own value counts, and does the same.
    """
    alpha = np.asarray(picture.getchannel("A"), np.float32)
    if not alpha.any():
        raise PictureError("is wholly transparent; save it with its ink visible")
    painted = np.average(np.asarray(picture.convert("L"), np.float32), weights=alpha)
    ground = 255 if painted < 128 else 0
    if (alpha > 128).mean() > 0.5:
        ground = 255 - ground
    sheet = Image.new("RGBA", picture.size, (ground, ground, ground, 255))
    sheet.alpha_composite(picture)
    return sheet.convert("L")
