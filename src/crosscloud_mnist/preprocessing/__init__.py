"""From an image of any kind to the model's input: 28 x 28, light digit on dark background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.preprocessing.formats import open_image

__all__ = ["DigitSteps", "open_image", "to_model_input", "trace_digit"]


@dataclass(frozen=True)
class DigitSteps:
    """An image of a digit on its way to the model.

    Attributes:
        gray: Upright, mode L.
        digit: [height, width], float32: the digit that was found, 0 is background and about 1 is
            foreground.
        model_input: [28, 28], uint8, 0 is background and 255 is foreground.
    """

    gray: Image.Image
    digit: NDArray[np.float32]
    model_input: NDArray[np.uint8]


def trace_digit(image: Image.Image) -> DigitSteps:
    """Return the steps of ``to_model_input``.

    Raises:
        ImageError: As there; what is not like a digit has steps, too.
    """
    # Every pipeline's module imports this package; SciPy is imported where an image is searched.
    from crosscloud_mnist.preprocessing.centering import center_digit
    from crosscloud_mnist.preprocessing.digit_search import find_digit
    from crosscloud_mnist.preprocessing.load import read_gray

    gray = read_gray(image)
    digit = find_digit(gray)
    return DigitSteps(gray, digit, center_digit(digit))


def to_model_input(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an image of one digit, of any mode, size and polarity, into the model's input.

    Args:
        image: As ``open_image`` returns it; its EXIF orientation and transparency are applied.

    Returns:
        [28, 28], uint8, 0 is background and 255 is foreground.

    Raises:
        ImageError: It cannot be decoded, is too small or too large, or shows no digit, more than
            one, or something else.
    """
    from crosscloud_mnist.preprocessing.outliers import check_digit

    model_input = trace_digit(image).model_input
    check_digit(model_input)
    return model_input
