"""Image files after the preprocessing: the variants of MNIST's digits, and other things."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.training import data
from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from rehearsal.mnist_contract import mnist_contract
from rehearsal.other_image_kinds import OTHER_KINDS

OTHERS = 250  # images of each kind
_SEED, _IMAGES_PER_TASK = 19, 50

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageInputs:
    """Images after the preprocessing, uint8, and the labels of the digits.

    Attributes:
        test_images: [n, 28, 28]: as they are in MNIST.
        test_labels: [n].
        test: [n * variants, 28, 28]: the variants of each, one digit after the other.
        validation_labels: [m].
        validation: [m * variants, 28, 28].
        others: Images of no digit, one kind after the other.
    """

    test_images: Pixels
    test_labels: NDArray[np.uint8]
    test: Pixels
    validation_labels: NDArray[np.uint8]
    validation: Pixels
    others: Pixels


def preprocess(folder: Path) -> ImageInputs:
    """Return what the model is given; ``folder`` holds the shards of ``data.prepare``."""
    validation_images, validation_labels = data.load(folder, "validation")
    test_images, test_labels = data.load(folder, "test")
    return ImageInputs(
        test_images=test_images,
        test_labels=test_labels,
        test=_preprocess_in_parallel(_preprocess_variants, _split(test_images)),
        validation_labels=validation_labels,
        validation=_preprocess_in_parallel(_preprocess_variants, _split(validation_images)),
        others=_preprocess_in_parallel(_preprocess_others, tuple(OTHER_KINDS)),
    )


def _split(digits: Pixels) -> list[Pixels]:
    return [digits[start:][:_IMAGES_PER_TASK] for start in range(0, len(digits), _IMAGES_PER_TASK)]


def _preprocess_in_parallel(function: Callable[[Any], Pixels], tasks: Sequence[Any]) -> Pixels:
    # A process that has loaded TensorFlow cannot be forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        return np.concatenate(list(pool.map(function, tasks)))


def _preprocess_variants(digits: Pixels) -> Pixels:
    return _preprocess([render_variant(digit, kind) for digit in digits for kind in VARIANTS])


def _preprocess_others(kind: str) -> Pixels:
    random = np.random.default_rng(_SEED)
    return _preprocess([OTHER_KINDS[kind](random) for _ in range(OTHERS)])


def _preprocess(images: Sequence[Image.Image]) -> Pixels:
    """Return the model's inputs; of rejected images, such that are all background."""
    inputs = np.zeros((len(images), *mnist_contract().image_shape), np.uint8)
    for index, image in enumerate(images):
        try:
            inputs[index] = to_model_input(image)
        except ImageError:
            continue
    return inputs
