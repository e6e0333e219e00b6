"""An image of any mode and size to gray values at a working size."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from crosscloud_mnist.errors import ImageError

WORKING_SIDE = 256
_MAX_PIXELS = 50_000_000
_MIN_SIDE = 8
_NUMERIC_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def open_image(content: bytes) -> Image.Image:
    """Open an image file of any format that Pillow reads.

    Raises:
        ImageError: It is none.
    """
    try:
        return Image.open(io.BytesIO(content))
    except UnidentifiedImageError as error:
        raise ImageError(
            "cannot be opened: it is in no format of an image; save it again as PNG or JPEG"
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"cannot be opened: {error}; save it again as PNG or JPEG") from error


def read_gray(image: Image.Image) -> NDArray[np.float32]:
    """Return the gray values of the upright image, its longer side ``WORKING_SIDE`` pixels.

    Returns:
        [height, width], float32, 0 is black and 1 is white.

    Raises:
        ImageError: The image cannot be decoded, or has a size that no digit's image has.
    """
    width, height = image.size
    if width * height > _MAX_PIXELS or max(width, height) < _MIN_SIDE:
        raise ImageError(
            f"is {width} x {height} pixels; a longer side of {_MIN_SIDE} or more and at most "
            f"{_MAX_PIXELS:,} pixels are expected; send it at another size"
        )
    try:
        image.load()
        gray = _gray(_upright(image))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ImageError(f"cannot be decoded ({error}); save it again as PNG or JPEG") from error
    scale = WORKING_SIDE / max(gray.size)
    size = (max(1, round(gray.width * scale)), max(1, round(gray.height * scale)))
    return np.asarray(gray.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, struct.error):
        return image  # EXIF data that cannot be read says nothing about the orientation


def _gray(image: Image.Image) -> Image.Image:
    if image.mode in _NUMERIC_MODES:
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        return Image.fromarray(((values - low) / max(high - low, 1e-12)).astype(np.float32))
    if image.has_transparency_data:
        image = _on_contrasting_ground(_reduced(image.convert("RGBA")))
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return Image.fromarray(np.asarray(_reduced(image).convert("L"), np.float32) / np.float32(255))


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // (4 * WORKING_SIDE)
    return image.reduce(factor) if factor > 1 else image


def _on_contrasting_ground(image: Image.Image) -> Image.Image:
    """Lay a transparent image on black or white, whichever tells its ink from the ground.

    What is painted is the ink: a white digit on a transparent ground would vanish on white. Where
    all is painted but a margin, the paper's own value counts, and does the same.
    """
    alpha = np.asarray(image.getchannel("A"), np.float32)
    if not alpha.any():
        raise ImageError("is wholly transparent; save it with its ink visible")
    painted = np.average(np.asarray(image.convert("L"), np.float32), weights=alpha)
    ground = 255 if painted < 128 else 0
    if (alpha > 128).mean() > 0.5:
        ground = 255 - ground
    sheet = Image.new("RGBA", image.size, (ground, ground, ground, 255))
    sheet.alpha_composite(image)
    return sheet.convert("L")
