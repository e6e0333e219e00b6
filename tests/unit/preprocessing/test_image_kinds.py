"""A digit among other things is found; what is no digit, or more than one, is rejected."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import to_model_input
from rehearsal.image_kinds import DIGIT_KINDS, two_digits
from rehearsal.other_image_kinds import OTHER_KINDS

pytestmark = pytest.mark.slow

Pixels = NDArray[np.uint8]
OTHERS = 40
# Light that hides strokes, and strokes that are hardly there: some of these digits are misread.
HARD_KINDS = {"hard shadow": 7, "glare": 5, "thin": 5}


@pytest.fixture(scope="module")
def one_of_each(digits: Mapping[str, Pixels]) -> list[Pixels]:
    images = digits["t10k-images-idx3-ubyte"]
    labels = digits["t10k-labels-idx1-ubyte"]
    return [images[labels == digit][3] for digit in range(10)]


def is_read(image: Image.Image, digit: Pixels) -> bool:
    """Return whether the image gives about the same as the plain digit, within one pixel."""
    try:
        result = to_model_input(image)
    except ImageError:
        return False
    expected = to_model_input(Image.fromarray(digit)).ravel()
    return any(
        np.corrcoef(np.roll(result, (y, x), (0, 1)).ravel(), expected)[0, 1] > 0.8
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    )


@pytest.mark.parametrize("kind", DIGIT_KINDS)
def test_a_digit_among_other_things_is_found(kind: str, one_of_each: list[Pixels]) -> None:
    random = np.random.default_rng(4)
    read = [is_read(DIGIT_KINDS[kind](digit, random), digit) for digit in one_of_each]
    assert sum(read) >= HARD_KINDS.get(kind, 9)


def test_two_digits_are_rejected(one_of_each: list[Pixels]) -> None:
    random = np.random.default_rng(4)
    for one, other in itertools.pairwise(one_of_each):
        with pytest.raises(ImageError, match="more than one digit"):
            to_model_input(two_digits(one, other, random))


@pytest.mark.parametrize(
    ("kind", "min_share"), {"face": 0.7, "letter": 0.7, "empty form": 0.95, "noise": 0.95}.items()
)
def test_what_is_no_digit_is_rejected(kind: str, min_share: float) -> None:
    assert set(OTHER_KINDS) == {"face", "letter", "empty form", "noise"}
    random, rejected = np.random.default_rng(4), 0
    for _ in range(OTHERS):
        try:
            to_model_input(OTHER_KINDS[kind](random))
        except ImageError:
            rejected += 1
    assert rejected >= min_share * OTHERS


def test_an_image_of_very_many_dots_takes_no_longer_than_others() -> None:
    y, x = np.mgrid[:112, :112]
    dots = np.where((y % 4 == 0) & (x % 4 == 0), 0, 240).astype(np.uint8)
    start = time.process_time()
    with pytest.raises(ImageError):
        to_model_input(Image.fromarray(dots))
    assert time.process_time() - start < 0.15  # 0.4 s where every dot is compared with every other


def test_the_smallest_digit_has_the_detail_of_the_file(one_of_each: list[Pixels]) -> None:
    """Of 5 % of the width: more pixels than the model's input are left in the file."""
    digit = one_of_each[5]
    sheet = Image.new("L", (1600, 1200), 235)
    ink = Image.fromarray(255 - digit).resize((110, 110), Image.Resampling.BICUBIC)
    sheet.paste(ink, (1400, 100))
    large = Image.new("L", (160, 160), 235)
    large.paste(ink, (25, 25))
    one, other = to_model_input(sheet).ravel(), to_model_input(large).ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.9
