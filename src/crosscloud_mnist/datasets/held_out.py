"""The test set of digits that were published without one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import DataError

_SPLIT_SEED = 0


def split_off_test(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], fraction: float, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Set a stratified part of the images aside, the same part each time.

    Args:
        images: [n, ...].
        labels: [n].
        fraction: Of the images, for the test set.
        name: What to call the images in an error.

    Returns:
        Images and labels for training, then those of the test set.

    Raises:
        DataError: A label has a single image, or the test set would have fewer images than labels.
    """
    from sklearn.model_selection import train_test_split

    counts = np.bincount(labels)
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        raise DataError(
            f"{name}: label {rare[0]} has one image, expected at least two of each label, for "
            "training and for the test set; correct the label, or add images"
        )
    if len(labels) * fraction < np.count_nonzero(counts):
        raise DataError(
            f"{name}: {len(labels)} images of {np.count_nonzero(counts)} labels are too few for a "
            f"test set of {fraction:.0%}, expected one of each label in it; add images"
        )
    training, test = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=_SPLIT_SEED
    )
    return images[training], labels[training], images[test], labels[test]
