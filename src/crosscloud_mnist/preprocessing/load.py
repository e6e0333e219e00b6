"""An image of any mode and size to upright gray values, large ones reduced."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.color import GrayAxis, find_gray_axis, to_gray
from crosscloud_mnist.preprocessing.formats import check_cost, one_line

MIN_READ_SIDE = 400  # pixels: a digit of 5 % of the width keeps 20, as many as in MNIST
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


def read_gray(image: Image.Image) -> Image.Image:
    """Return the gray values of the upright image.

    Returns:
        Mode L, 0 is black and 255 is white. Of a larger image the longer side is reduced to
        ``MIN_READ_SIDE`` to twice that.

    Raises:
        ImageError: The image cannot be decoded, or is too small or too large.
    """
    try:
        check_cost(image)
        image.draft(None, _draft_size(image))
        image.load()
        return _to_gray(_turn_upright(_reduce(image), image))
    except ImageError:
        raise
    except Exception as error:  # a crafted file fails in the decoder in any way
        raise ImageError(
            f"cannot be decoded ({one_line(error)}); save it again as PNG or JPEG"
        ) from error


def _factor(image: Image.Image) -> int:
    return max(1, max(image.size) // MIN_READ_SIDE)


def _draft_size(image: Image.Image) -> tuple[int, int]:
    """Return the size that is enough: a JPEG is decoded at a half, a quarter or an eighth."""
    factor = _factor(image)
    return max(1, image.width // factor), max(1, image.height // factor)


def _reduce(image: Image.Image) -> Image.Image:
    """Return the image in a mode of ``_convert``, a larger one reduced band by band."""
    factor = _factor(image)
    axis = None if image.mode in ("L", *_NUMERIC_MODES) else find_gray_axis(image)
    if factor == 1:
        return _convert(image, axis)
    rows = factor * max(1, _MAX_BAND_PIXELS // (image.width * factor))
    if rows >= image.height:
        return _convert(image, axis).reduce(factor)
    bands = []
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        bands.append(_convert(band, axis).reduce(factor))
    reduced = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    for number, band in enumerate(bands):
        reduced.paste(band, (0, number * (rows // factor)))
    return reduced


def _convert(image: Image.Image, axis: GrayAxis) -> Image.Image:
    """Return the image as F (any range of values), RGBA (transparent) or L."""
    if image.mode in _NUMERIC_MODES:
        values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0)
        return Image.fromarray(values)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "L":
        return image
    return to_gray(image if image.mode == "RGB" else image.convert("RGB"), axis)


def _turn_upright(reduced: Image.Image, image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  unreadable EXIF says nothing about the orientation
        return reduced
    transpose = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return reduced if transpose is None else reduced.transpose(transpose)


def _to_gray(image: Image.Image) -> Image.Image:
    """Return the image in mode L."""
    if image.mode == "F":
        values = np.asarray(image, np.float64)
        low, high = values.min(), values.max()
        scaled = (values - low) * (255 / max(high - low, 1e-12))
        return Image.fromarray(np.rint(scaled).astype(np.uint8))
    if image.mode == "RGBA":
        image = _on_contrasting_background(image)
        return to_gray(image, find_gray_axis(image))
    return image


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
    return sheet.convert("RGB")
