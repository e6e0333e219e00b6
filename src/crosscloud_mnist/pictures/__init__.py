"""Any picture of a digit to what the model knows: 28 x 28, light ink on dark ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.pictures.digit import find_digit
from crosscloud_mnist.pictures.placing import place
from crosscloud_mnist.pictures.reading import read_gray

__all__ = ["to_model_input"]


def to_model_input(picture: Image.Image) -> NDArray[np.uint8]:
    return place(find_digit(read_gray(picture)))
