"""What turns an image file into the model's input: the preprocessing that a contract names."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.contract import Contract, format_shape
from crosscloud_mnist.dotted_path import load_function
from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.formats import one_line
from crosscloud_mnist.preprocessing.resize import resize_image

DIGIT, RESIZE = "digit", "resize"
_DIGIT_SHAPE = (28, 28)  # what to_model_input returns

# From an image and the contract's image_shape to the model's input.
PreprocessingFunction = Callable[[Image.Image, tuple[int, ...]], Any]


class Preprocessor:
    """Turns images into the input of one contract's model.

    Besides ``digit`` and ``resize``, ``contract.preprocessing`` may be the dotted path of a
    function ``preprocess(image, image_shape)``. It takes a ``PIL.Image.Image``, as ``open_image``
    returns it, and returns an array of uint8 of that shape; it must return an image that already is
    the model's input unchanged. An image that it rejects raises ``ImageError``.

    Args:
        contract: Names the preprocessing, and the shape of the result.

    Raises:
        ConfigurationError: There is no such function, or it cannot have that shape.
    """

    def __init__(self, contract: Contract) -> None:
        self._name, self._shape = contract.preprocessing, contract.image_shape
        self._function = _find_function(contract)

    def __call__(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the model's input, uint8, of the contract's shape.

        Raises:
            ImageError: The image cannot be decoded, or is not what the model takes.
            ConfigurationError: The function returns something else.
        """
        try:
            result = self._function(image, self._shape)
        except ImageError:
            raise
        except Exception as error:  # a function of the user's fails in any way
            raise ImageError(
                f"cannot be preprocessed by {self._name} ({type(error).__name__}: "
                f"{one_line(error)}); check the image and that function"
            ) from error
        if not (isinstance(result, np.ndarray) and result.dtype == np.uint8):
            found = getattr(result, "dtype", type(result).__name__)
            raise ConfigurationError(
                f"{self._name} returned {found}, expected an array of uint8; correct that function"
            )
        if result.shape != self._shape:
            raise ConfigurationError(
                f"{self._name} returned an image of {format_shape(result.shape)}, expected "
                f"{format_shape(self._shape)}, the contract's image_shape; correct one of them"
            )
        return result


@lru_cache(maxsize=4)
def get_preprocessor(contract: Contract) -> Preprocessor:
    """Return the preprocessor of a contract; it is built once in a process.

    Raises:
        ConfigurationError: See ``Preprocessor``.
    """
    return Preprocessor(contract)


def _find_function(contract: Contract) -> PreprocessingFunction:
    if contract.preprocessing == RESIZE:
        return resize_image
    if contract.preprocessing != DIGIT:
        return load_function(contract.preprocessing, "contract.preprocessing")
    if contract.image_shape != _DIGIT_SHAPE:
        raise ConfigurationError(
            f"contract.preprocessing is {DIGIT}, whose images are {format_shape(_DIGIT_SHAPE)}, "
            f"and contract.image_shape is {format_shape(contract.image_shape)}, expected the same; "
            f"set preprocessing to {RESIZE} or to the dotted path of a function"
        )
    # Their libraries are loaded now, and not in the time of the first image.
    from crosscloud_mnist.preprocessing import centering, digit_search  # noqa: F401

    return lambda image, _shape: to_model_input(image)
