"""Nodes of ``ingest_mnist``."""

from __future__ import annotations

import hashlib

import numpy as np

from crosscloud_mnist.contract import Contract, format_shape, list_array_shapes
from crosscloud_mnist.datasets.held_out import split_off
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.drawing import Figure, create_figure
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.monitoring import Profile, profile_images
from crosscloud_mnist.pipelines.ingest_mnist.parameters import IngestMnistParameters
from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor
from crosscloud_mnist.storage import data_card, idx
from crosscloud_mnist.storage.data_card import DataCard, DataOrigin, SplitCard
from crosscloud_mnist.storage.shard_layout import IMAGES_SUFFIX, LABELS_SUFFIX

_SAMPLES_PER_CLASS = 12


def decode(raw: RawDigits, contract: Contract) -> tuple[LabelledImages, LabelledImages, DataOrigin]:
    """Read the published training and test sets.

    Args:
        raw: The four IDX files.
        contract: The shape of an image, and the classes.

    Returns:
        (images ``[n, *image_shape]``, labels [n]) of the training set, the same of the test set,
        and where they come from.

    Raises:
        DataError: A file holds something else than images or labels of the contract, or the counts
            differ.
        ConfigurationError: The contract's preprocessing cannot be found, or has another shape.
    """
    get_preprocessor(contract)  # before hours of training
    origin = data_card.build_data_origin(raw.dataset, raw.source, raw.hash_files())
    return _read_half(raw, "train", contract), _read_half(raw, "t10k", contract), origin


def _read_half(raw: RawDigits, prefix: str, contract: Contract) -> LabelledImages:
    images_file, labels_file = f"{prefix}{IMAGES_SUFFIX}", f"{prefix}{LABELS_SUFFIX}"
    images_name, labels_name = raw.name_of(images_file), raw.name_of(labels_file)
    images = idx.decode(raw.files[images_file], images_name)
    labels = idx.decode(raw.files[labels_file], labels_name)
    if images.shape[1:] not in list_array_shapes(contract.image_shape):
        raise DataError(
            f"{images_name}: holds values of shape {images.shape}, expected images of "
            f"{format_shape(contract.image_shape)}; check that the files are not swapped, and the "
            "contract in the globals"
        )
    if labels.shape != (len(images),):
        raise DataError(
            f"{labels_name}: holds values of shape {labels.shape}, expected one label for each "
            f"of the {len(images)} images; check that the files are of one data set"
        )
    if not len(labels) or labels.max() >= contract.class_count:
        found = f"labels reach {labels.max()}" if len(labels) else "has no labels"
        raise DataError(
            f"{labels_name}: {found}, expected labels 0 to {contract.class_count - 1}; fetch "
            "the file again, and check the classes of the contract in the globals"
        )
    return images.reshape(-1, *contract.image_shape), labels


def split(
    published_training: LabelledImages, parameters: IngestMnistParameters
) -> tuple[LabelledImages, LabelledImages]:
    """Set a stratified part of the training set aside for validation.

    Args:
        published_training: images ``[n, *image_shape]`` and labels [n].
        parameters: The fraction and the seed.

    Returns:
        The training set that is left, shuffled, and the validation set.

    Raises:
        DataError: A label has a single image, or there are too few images.
    """
    return split_off(
        published_training,
        parameters.validation_fraction,
        parameters.seed,
        source="the training set",
        part="validation set",
    )


def build_data_card(
    origin: DataOrigin,
    training: LabelledImages,
    validation: LabelledImages,
    test: LabelledImages,
    contract: Contract,
) -> DataCard:
    """Return the data card: where the data comes from, digests, and counts by class and split."""
    return data_card.build_data_card(
        origin,
        train=_build_split_card(training, contract),
        validation=_build_split_card(validation, contract),
        test=_build_split_card(test, contract),
    )


def _build_split_card(split: LabelledImages, contract: Contract) -> SplitCard:
    images, labels = split
    return data_card.build_split_card(
        np.bincount(labels, minlength=contract.class_count).tolist(),
        pixel_sum=int(images.sum(dtype=np.int64)),
        image_bytes=contract.image_bytes,
        sha256=hashlib.sha256(idx.encode(images) + idx.encode(labels)).hexdigest(),
    )


def profile_training(training: LabelledImages) -> Profile:
    """Return the distributions of the training images, to detect drift from."""
    images, _ = training
    return profile_images(images)


def draw_samples(training: LabelledImages, data_card: DataCard, contract: Contract) -> Figure:
    """Draw the first training images of every class, one class a row."""
    images, labels = training
    figure = create_figure(width=_SAMPLES_PER_CLASS * 0.6, height=contract.class_count * 0.66)
    figure.suptitle(f"{data_card['dataset']}: training images, as the model sees them")
    rows = figure.subplots(contract.class_count, _SAMPLES_PER_CLASS)
    for label, row in enumerate(rows):
        for axes, image in zip(row, images[labels == label], strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        for axes in row:
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(contract.classes[label], rotation=0, ha="right", va="center")
    return figure
