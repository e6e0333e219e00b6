"""Any picture of a digit to what the model knows: 28 x 28, light ink on dark ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.pictures.digit import find_digit
from crosscloud_mnist.pictures.placing import place
from crosscloud_mnist.pictures.reading import open_picture, read_gray

__all__ = ["open_picture", "to_model_input"]


def to_model_input(picture: Image.Image) -> NDArray[np.uint8]:
    """Turn a picture of one digit, of any mode, size and polarity, into what the model takes.

    Args:
        picture: As ``PIL.Image.open`` gives it; its EXIF orientation and transparency count.

    Returns:
        [28, 28], uint8, 0 is ground and 255 is ink.

    Raises:
        PictureError: It cannot be decoded, is too small or too large, or shows no ink.
    """
    return place(find_digit(read_gray(picture)))
