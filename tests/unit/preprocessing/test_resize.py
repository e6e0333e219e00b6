"""The values that a whole image has after scaling, whatever its mode was."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.resize import resize_image

SHAPE = (12, 16)
DARK, LIGHT = 50, 200


def halves(left, right, dtype) -> np.ndarray:
    """An image of two halves, larger than what is converted at once."""
    pixels = np.full((180, 240), left, dtype)
    pixels[:, 120:] = right
    return pixels


def gray() -> Image.Image:
    return Image.fromarray(halves(DARK, LIGHT, np.uint8))


def stretched() -> Image.Image:
    """Of values that no file of 8 bits has, and of some that are no number."""
    pixels = halves(-1000, 3000, np.float32)
    pixels[0, :3] = np.inf, -np.inf, np.nan
    return Image.fromarray(pixels)


def transparent_palette() -> Image.Image:
    image = Image.new("P", (240, 180))
    image.putpalette([DARK] * 3 + [10, 20, 30])
    image.paste(1, (120, 0, 240, 180))
    image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("image", "left", "right"),
    [
        (gray(), DARK, LIGHT),
        (gray().convert("RGB"), DARK, LIGHT),
        (gray().convert("LA"), DARK, LIGHT),
        (gray().convert("CMYK"), DARK, LIGHT),
        (gray().convert("P"), DARK, LIGHT),
        (gray().point(lambda value: 255 * (value > 100), "1"), 0, 255),
        (Image.fromarray(halves(DARK * 257, LIGHT * 257, np.uint16)), DARK, LIGHT),
        (Image.fromarray(halves(-1000, 3000, np.int32)), 0, 255),
        (stretched(), 0, 255),
        (Image.fromarray(halves(7, 7, np.float32)), 0, 0),
        (transparent_palette(), DARK, 255),
    ],
    ids=["L", "RGB", "LA", "CMYK", "P", "1", "I;16", "I", "F", "one value", "P, transparent"],
)
def test_the_values_are_those_of_the_image(image, left, right):
    for shape in (SHAPE, (*SHAPE, 3)):
        scaled = resize_image(image, shape).astype(int)
        assert scaled.shape == shape
        assert np.abs(scaled[2:, :6] - left).max() <= 2
        assert np.abs(scaled[2:, 10:] - right).max() <= 2


def test_a_fine_pattern_becomes_its_mean():
    """Its single pixels would be sampled otherwise: the image is scaled with all of them."""
    pixels = np.indices((480, 640)).sum(axis=0) % 2 * 255
    scaled = resize_image(Image.fromarray(pixels.astype(np.uint8)), SHAPE).astype(int)
    assert np.abs(scaled - 127).max() <= 2


def test_a_cut_jpeg_says_in_one_line_why_it_cannot_be_decoded():
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    image = Image.open(io.BytesIO(stream.getvalue()[:5000]))
    message = r"^cannot be decoded \(image file is truncated.*\); save it again as PNG or JPEG$"
    with pytest.raises(ImageError, match=message):
        resize_image(image, SHAPE)
