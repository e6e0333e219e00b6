"""The steps from an image file to the model's input, as images for people."""

from __future__ import annotations

import numpy as np
from PIL import Image

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.preprocessing import open_image, trace_digit
from crosscloud_mnist.preprocessing.preprocessor import DIGIT, get_preprocessor

_MAX_SIDE = 256  # pixels, of an image that is shown


def trace_steps(content: bytes, contract: Contract) -> dict[str, Image.Image]:
    """Return an image for each step, in order.

    Args:
        content: An image file.
        contract: Names the preprocessing; that of digits has the most steps.

    Returns:
        ``gray`` and ``digit``, where the preprocessing has them, and ``model_input``.

    Raises:
        ImageError: It cannot be decoded, or is not what the model takes.
        ConfigurationError: The contract's preprocessing cannot be found.
    """
    image = open_image(content)
    if contract.preprocessing != DIGIT:
        return {"model_input": Image.fromarray(get_preprocessor(contract)(image))}
    steps = trace_digit(image)
    gray = steps.gray.copy()
    gray.thumbnail((_MAX_SIDE, _MAX_SIDE))
    digit = (np.clip(steps.digit, 0, 1) * 255).astype(np.uint8)
    return {
        "gray": gray,
        "digit": Image.fromarray(digit),
        "model_input": Image.fromarray(steps.model_input),
    }
