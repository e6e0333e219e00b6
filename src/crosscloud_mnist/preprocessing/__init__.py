"""From an image of any kind to the model's input: 28 x 28, light digit on dark background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.preprocessing.centering import center_digit
from crosscloud_mnist.preprocessing.digit import find_digit
from crosscloud_mnist.preprocessing.formats import open_image
from crosscloud_mnist.preprocessing.load import read_gray

__all__ = ["open_image", "to_model_input"]


def to_model_input(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an image of one digit, of any mode, size and polarity, into the model's input.

    Args:
        image: As ``open_image`` returns it; its EXIF orientation and transparency are applied.

    Returns:
        [28, 28], uint8, 0 is background and 255 is foreground.

    Raises:
        ImageError: It cannot be decoded, is too small or too large, or shows no digit.
    """
    return center_digit(find_digit(read_gray(image)))
