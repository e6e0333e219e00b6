"""An image of any mode and size to gray values at the working size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.formats import check_cost, one_line

WORKING_SIDE = 256  # pixels, of the longer side
_REDUCED_SIDE = 4 * WORKING_SIDE  # a larger image is first reduced by a whole factor, cheaply
_MAX_BAND_PIXELS = 1_000_000  # reduced at once: bounds the memory of intermediate images
_NUMERIC_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_UPRIGHT = {  # by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_gray(image: Image.Image) -> NDArray[np.float32]:
    """Return the gray values of the upright image, its longer side ``WORKING_SIDE`` pixels.

    Returns:
        [height, width], float32, 0 is black and 1 is white.

    Raises:
        ImageError: The image cannot be decoded, or is too small or too large.
    """
    try:
        check_cost(image)
        image.draft(None, _draft_size(image))
        image.load()
        gray = _to_gray(_turn_upright(_reduce(image), image))
    except ImageError:
        raise
    except Exception as error:  # a crafted file fails in the decoder in any way
        raise ImageError(
            f"cannot be decoded ({one_line(error)}); save it again as PNG or JPEG"
        ) from error
    scale = WORKING_SIDE / max(gray.size)
    size = (max(1, round(gray.width * scale)), max(1, round(gray.height * scale)))
    return np.asarray(gray.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)


def _factor(image: Image.Image) -> int:
    return max(1, max(image.size) // _REDUCED_SIDE)


def _draft_size(image: Image.Image) -> tuple[int, int]:
    """Return the size that is enough: a JPEG is decoded at a half, a quarter or an eighth."""
    factor = _factor(image)
    return max(1, image.width // factor), max(1, image.height // factor)


def _reduce(image: Image.Image) -> Image.Image:
    """Return the image in a mode of ``_convert``, a larger one reduced band by band."""
    factor = _factor(image)
    if factor == 1:
        return _convert(image)
    rows = factor * max(1, _MAX_BAND_PIXELS // (image.width * factor))
    bands = []
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        bands.append(_convert(band).reduce(factor))
    reduced = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    for number, band in enumerate(bands):
        reduced.paste(band, (0, number * (rows // factor)))
    return reduced


def _convert(image: Image.Image) -> Image.Image:
    """Return the image as F (any range of values), RGBA (transparent), L or RGB."""
    if image.mode in _NUMERIC_MODES:
        values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0)
        return Image.fromarray(values)
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _turn_upright(reduced: Image.Image, image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  unreadable EXIF says nothing about the orientation
        return reduced
    transpose = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return reduced if transpose is None else reduced.transpose(transpose)


def _to_gray(image: Image.Image) -> Image.Image:
    """Return the image in mode F, 0 to 1."""
    if image.mode == "F":
        values = np.asarray(image, np.float64)
        low, high = values.min(), values.max()
        return Image.fromarray(((values - low) / max(high - low, 1e-12)).astype(np.float32))
    if image.mode == "RGBA":
        image = _on_contrasting_background(image)
    return Image.fromarray(np.asarray(image.convert("L"), np.float32) / np.float32(255))


def _on_contrasting_background(image: Image.Image) -> Image.Image:
    """Lay a transparent image on black or white, whichever contrasts with its foreground.

    The opaque pixels are taken for the foreground, as a white digit would be invisible on white.
    Where most of the image is opaque, the opaque pixels are the paper: the transparent margin gets
    a colour like theirs.
    """
    alpha = np.asarray(image.getchannel("A"), np.float32)
    if not alpha.any():
        raise ImageError("is fully transparent; save it with a visible foreground")
    opaque_level = np.average(np.asarray(image.convert("L"), np.float32), weights=alpha)
    background = 255 if opaque_level < 128 else 0
    if (alpha > 128).mean() > 0.5:
        background = 255 - background
    sheet = Image.new("RGBA", image.size, (background, background, background, 255))
    sheet.alpha_composite(image)
    return sheet.convert("L")
