"""The UCI handwritten digits in the form of MNIST, for a laptop that cannot get MNIST.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, doi:10.24432/C50P49 (the test half, as scikit-learn carries it).
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.datasets.held_out import split_off
from crosscloud_mnist.datasets.mnist_files import FILES
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.storage import idx

_TEST_FRACTION, _TEST_SEED = 0.2, 0
_MAX_VALUE = 16  # a pixel counts the set bits of a 4 x 4 block
_IMAGE_SIDE, _BOX_SIDE = 28, 20  # pixels, as in MNIST

logger = logging.getLogger(__name__)


def load_raw_digits() -> RawDigits:
    """Return the digits under their own name, with a warning that they are not MNIST."""
    logger.warning(
        "MNIST IS NOT AVAILABLE: using the 1,797 UCI handwritten digits instead, upsampled to "
        "28 x 28. The results are not MNIST's, and the run is tagged dataset=uci-digits. "
        "Set MNIST_DIR to a folder with the four files to use MNIST."
    )
    return RawDigits("uci-digits", "scikit-learn", load_as_mnist())


def load_as_mnist() -> dict[str, bytes]:
    """Return the four IDX files of a stratified split, under MNIST's names."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.stack([_upsample(image) for image in digits.images])
    training, test = split_off(
        (images, digits.target.astype(np.uint8)),
        _TEST_FRACTION,
        _TEST_SEED,
        source="the UCI digits",
        part="test set",
    )
    return {name: idx.encode(each) for name, each in zip(FILES, training + test, strict=True)}


def _upsample(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Scale 8 x 8 to MNIST's 20 x 20 box and centre it by mass in 28 x 28."""
    from PIL import Image
    from scipy.ndimage import center_of_mass

    small = Image.fromarray((image * (255 / _MAX_VALUE)).astype(np.uint8))
    box = np.asarray(small.resize((_BOX_SIDE, _BOX_SIDE), Image.Resampling.BICUBIC))
    row, column = (round((_IMAGE_SIDE - 1) / 2 - centre) for centre in center_of_mass(box))
    row, column = (min(max(start, 0), _IMAGE_SIDE - _BOX_SIDE) for start in (row, column))
    centred = np.zeros((_IMAGE_SIDE, _IMAGE_SIDE), np.uint8)
    centred[row : row + _BOX_SIDE, column : column + _BOX_SIDE] = box
    return centred
