"""A stratified part of labelled images, set aside for validation or as a test set."""

from __future__ import annotations

import math

import numpy as np

from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.errors import DataError


def split_off(
    labelled: LabelledImages, fraction: float, seed: int, *, source: str, part: str
) -> tuple[LabelledImages, LabelledImages]:
    """Set a stratified part of the images aside, the same part each time.

    Args:
        labelled: Images [n, ...] and labels [n].
        fraction: Of the images that are set aside.
        seed: Of the choice, and of the order.
        source: What to call the images in an error.
        part: What to call those that are set aside.

    Returns:
        The images that are left, shuffled, with their labels; and those that are set aside.

    Raises:
        DataError: A label has a single image, or one of the two sets would have fewer images than
            there are labels.
    """
    from sklearn.model_selection import train_test_split

    images, labels = labelled
    counts = np.bincount(labels)
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        raise DataError(
            f"{source}: label {rare[0]} has one image, expected at least two of each label, one "
            f"of them for the {part}; correct the label, or add images"
        )
    aside = math.ceil(fraction * len(labels))
    if min(aside, len(labels) - aside) < np.count_nonzero(counts):
        raise DataError(
            f"{source}: {len(labels)} images of {np.count_nonzero(counts)} labels are too few for "
            f"a {part} of {fraction:.0%}, expected one of each label in it and outside it; add "
            "images"
        )
    left, held_out = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
    )
    return (images[left], labels[left]), (images[held_out], labels[held_out])
