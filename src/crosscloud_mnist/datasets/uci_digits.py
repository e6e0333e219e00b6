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

    from crosscloud_mnist.preprocessing.centering import BOX_SIDE, place_by_mass

    small = Image.fromarray((image * (255 / _MAX_VALUE)).astype(np.uint8))
    return place_by_mass(np.asarray(small.resize((BOX_SIDE, BOX_SIDE), Image.Resampling.BICUBIC)))
