"""Any image of a digit to what the model knows: 28 x 28, light ink on dark ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.preprocessing.digit import find_digit
from crosscloud_mnist.preprocessing.load import open_image, read_gray
from crosscloud_mnist.preprocessing.normalize import normalize

__all__ = ["open_image", "to_model_input"]


def to_model_input(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an image of one digit, of any mode, size and polarity, into what the model takes.

    Args:
        image: As ``PIL.Image.open`` gives it; its EXIF orientation and transparency count.

    Returns:
        [28, 28], uint8, 0 is ground and 255 is ink.

    Raises:
        ImageError: It cannot be decoded, is too small or too large, or shows no ink.
    """
    return normalize(find_digit(read_gray(image)))
