"""Preprocessing of images of any content: the whole image, scaled to the model's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.formats import check_cost, one_line

_REDUCING_GAP = 2.0  # a much larger image is first reduced by a whole factor, cheaply
_WHITE = (255, 255, 255, 255)
_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_RESIZABLE = ("L", "RGB", "RGBA", "F")


def resize_image(image: Image.Image, image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Scale an image to a shape, whatever its aspect ratio was.

    Its EXIF orientation is applied, and a transparent image is laid on white. An RGB or gray image
    that has the shape already is returned unchanged.

    Args:
        image: As ``open_image`` returns it.
        image_shape: [height, width], or [height, width, 3] for colour.

    Returns:
        [height, width], gray, or [height, width, 3], red, green and blue; uint8.

    Raises:
        ImageError: It cannot be decoded, or is too small or too large.
    """
    height, width = image_shape[:2]
    try:
        check_cost(image)
        image.draft(None, (2 * width, 2 * height))  # a JPEG is decoded at a part of its size
        upright = ImageOps.exif_transpose(image)
        scaled = _to_resizable(upright, 8 * width, 8 * height).resize(
            (width, height), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP
        )
        if scaled.mode == "RGBA":
            sheet = Image.new("RGBA", scaled.size, _WHITE)
            sheet.alpha_composite(scaled)
            scaled = sheet
        return np.asarray(scaled.convert("RGB" if len(image_shape) > 2 else "L"))
    except ImageError:
        raise
    except Exception as error:  # a crafted file fails in the decoder in any way
        raise ImageError(
            f"cannot be decoded ({one_line(error)}); save it again as PNG or JPEG"
        ) from error


def _to_resizable(image: Image.Image, max_width: int, max_height: int) -> Image.Image:
    """Return the image in a mode that can be scaled, with values 0 to 255.

    One that has to be converted is first brought to that size at most, which bounds the memory.
    """
    if image.mode not in _RESIZABLE or image.has_transparency_data:
        size = min(image.width, max_width), min(image.height, max_height)
        image = image.resize(size, Image.Resampling.NEAREST)
    if image.mode in _16_BIT:
        return Image.fromarray((np.asarray(image) / np.float32(257)).astype(np.float32))
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
        low, high = values.min(), values.max()
        return Image.fromarray((values - low) * (255 / max(high - low, np.float32(1e-12))))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in _RESIZABLE else image.convert("RGB")
