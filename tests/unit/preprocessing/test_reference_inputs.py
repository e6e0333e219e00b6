"""The model's input of given images is what it was when the reference was written.

Models are judged and served with this preprocessing: a change of a library or of a constant that
moves pixels must not go unnoticed. After a change that is meant, write the reference again with
``python -m tests.unit.preprocessing.test_reference_inputs`` and look at the differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from crosscloud_mnist.storage import idx
from rehearsal.image_kinds import DIGIT_KINDS

pytestmark = pytest.mark.slow

Pixels = NDArray[np.uint8]
REFERENCE = Path(__file__).with_name("reference_inputs.npz")
# In these a pixel more or less decides what is found, and another processor may decide otherwise.
LEFT_OUT = {"hard shadow", "glare", "thin"}
DIGITS = (0, 2, 4, 7, 8)  # positions in the test set
# Processors and builds of the libraries round differently.
MAX_MEAN_DIFFERENCE, MAX_DIFFERENCE = 0.1, 8  # gray values


def load_digits() -> Pixels:
    content = load_as_mnist()["t10k-images-idx3-ubyte"]
    return idx.decode(content, "t10k-images-idx3-ubyte")[list(DIGITS)]


def draw() -> Iterator[tuple[str, Image.Image]]:
    digits = load_digits()
    for kind in VARIANTS:
        for number, digit in enumerate(digits):
            yield f"{kind} {number}", render_variant(digit, kind)
    for kind in sorted(set(DIGIT_KINDS) - LEFT_OUT):
        random = np.random.default_rng(4)
        for number, digit in enumerate(digits):
            yield f"{kind} {number}", DIGIT_KINDS[kind](digit, random)


def read_all() -> Mapping[str, Pixels]:
    inputs = {}
    for name, image in draw():
        try:
            inputs[name] = to_model_input(image)
        except ImageError:
            inputs[name] = np.zeros((28, 28), np.uint8)
    return inputs


def test_the_model_input_of_an_image_is_what_it_was() -> None:
    inputs = read_all()
    with np.load(REFERENCE) as reference:
        assert set(reference) == set(inputs)
        changed = {
            name: (difference.mean(), difference.max())
            for name, expected in reference.items()
            if (difference := np.abs(inputs[name].astype(int) - expected)).mean()
            > MAX_MEAN_DIFFERENCE
            or difference.max() > MAX_DIFFERENCE
        }
    assert not changed


if __name__ == "__main__":
    np.savez_compressed(REFERENCE, **read_all())
