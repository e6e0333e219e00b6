"""Nodes of ``ingest_mnist``."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from crosscloud_mnist.datasets.mnist import RawDigits
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.monitoring import Profile, profile_images
from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.image_format import CLASS_COUNT, IMAGE_SIDE

_SAMPLES = 12


def decode(raw: RawDigits) -> tuple[LabelledImages, LabelledImages, dict[str, Any]]:
    """Read the published training and test sets.

    Args:
        raw: The four IDX files.

    Returns:
        (images [n, 28, 28], labels [n]) of the training set, the same of the test set, and where
        they come from: ``dataset``, ``source``, ``dataset_digest`` and ``files_sha256``.

    Raises:
        IdxError: A file holds something else than images or labels of the digits, or the
            counts differ.
    """
    files = {name: hashlib.sha256(content).hexdigest() for name, content in raw.files.items()}
    origin = {
        "dataset": raw.dataset,
        "source": raw.source,
        "dataset_digest": hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest(),
        "files_sha256": files,
    }
    return _labelled(raw, "train"), _labelled(raw, "t10k"), origin


def _labelled(raw: RawDigits, half: str) -> LabelledImages:
    images_name, labels_name = f"{half}-images-idx3-ubyte", f"{half}-labels-idx1-ubyte"
    images = idx.decode(raw.files[images_name], images_name)
    labels = idx.decode(raw.files[labels_name], labels_name)
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise IdxError(
            f"{images_name}: holds values of shape {images.shape}, expected images "
            f"[n, {IMAGE_SIDE}, {IMAGE_SIDE}]; check that the files are not swapped"
        )
    if labels.shape != (len(images),):
        raise IdxError(
            f"{labels_name}: holds values of shape {labels.shape}, expected one label for each "
            f"of the {len(images)} images; check that the files are of one data set"
        )
    if not len(labels) or labels.max() >= CLASS_COUNT:
        raise IdxError(
            f"{labels_name}: labels {'reach ' + str(labels.max()) if len(labels) else 'are none'}"
            f", expected digits 0 to {CLASS_COUNT - 1}; fetch the file again"
        )
    return images, labels


def split(
    training: LabelledImages, validation_fraction: float, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Set a stratified part of the training set aside for every choice that is made.

    Args:
        training: images [n, 28, 28] and labels [n].
        validation_fraction: The part set aside, above 0 and below 1.
        seed: Of the shuffle.

    Returns:
        What is left for training, shuffled, and the validation set.
    """
    from sklearn.model_selection import train_test_split

    images, labels = training
    kept, aside = train_test_split(
        np.arange(len(labels)), test_size=validation_fraction, stratify=labels, random_state=seed
    )
    return (images[kept], labels[kept]), (images[aside], labels[aside])


def describe(
    origin: dict[str, Any],
    training: LabelledImages,
    validation: LabelledImages,
    test: LabelledImages,
) -> dict[str, Any]:
    """Return the data card: where the data came from, digests, and counts per class and split."""
    return {
        **origin,
        "splits": {
            name: {
                "images": len(labels),
                "per_class": np.bincount(labels, minlength=CLASS_COUNT).tolist(),
                "mean_pixel": round(float(images.mean()), 3),
                "sha256": hashlib.sha256(idx.encode(images) + idx.encode(labels)).hexdigest(),
            }
            for name, (images, labels) in {
                "train": training,
                "validation": validation,
                "test": test,
            }.items()
        },
    }


def profile_training(training: LabelledImages) -> Profile:
    """Return the distributions of what the model is trained for, to tell drift from."""
    images, _ = training
    return profile_images(images)


def draw_samples(training: LabelledImages, data_card: dict[str, Any]) -> Figure:
    """Draw the first training images of every digit, one digit a row."""
    images, labels = training
    figure = Figure(figsize=(_SAMPLES * 0.6, CLASS_COUNT * 0.66), layout="constrained")
    figure.suptitle(f"{data_card['dataset']}: training images, as the model sees them")
    for digit, row in enumerate(figure.subplots(CLASS_COUNT, _SAMPLES)):
        for axes, image in zip(row, images[labels == digit], strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        for axes in row:
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(str(digit), rotation=0, labelpad=10, va="center")
    return figure
