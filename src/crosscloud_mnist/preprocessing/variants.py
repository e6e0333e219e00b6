"""Variants of a model's input in the forms that images come in: dark on light, framed, oblong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.preprocessing.preprocessor import DIGIT

UNCHANGED = "unchanged"
_PAPER, _PEN = 238, 35  # gray values
_FRAME = (20, 20, 20)
_LARGE_SIDE, _SMALL_SIDE, _DIGIT_SIDE, _TRANSPARENT_SIDE = 420, 40, 112, 140  # pixels


def list_variants(contract: Contract) -> tuple[str, ...]:
    """Return the variants that images of a contract may come in: of digits, all of them."""
    return VARIANTS if contract.preprocessing == DIGIT else (UNCHANGED,)


def render_variant(image: NDArray[np.uint8], kind: str) -> Image.Image:
    """Return the image in one of the ``VARIANTS``.

    Args:
        image: A model's input, uint8; but for ``unchanged``, a light digit on dark background.
        kind: One of ``VARIANTS``.
    """
    return _RENDERERS[kind](Image.fromarray(image))


def _unchanged(digit: Image.Image) -> Image.Image:
    return digit


def _dark_on_light(digit: Image.Image) -> Image.Image:
    return ImageOps.invert(digit).convert("RGB")


def _transparent(digit: Image.Image) -> Image.Image:
    """Black foreground on a transparent background."""
    image = Image.new("RGBA", digit.size)
    image.putalpha(digit)
    return _resize(image, _TRANSPARENT_SIDE)


def _gray_paper(digit: Image.Image) -> Image.Image:
    return Image.fromarray(
        (_PAPER - np.asarray(digit, np.float32) * ((_PAPER - _PEN) / 255)).astype(np.uint8)
    )


def _large(digit: Image.Image) -> Image.Image:
    return _gray_paper(_resize(digit, _LARGE_SIDE))


def _small(digit: Image.Image) -> Image.Image:
    return _gray_paper(_resize(digit, _SMALL_SIDE))


def _wide(digit: Image.Image) -> Image.Image:
    return _on_paper(digit, size=(300, 130), position=(150, 9))


def _tall(digit: Image.Image) -> Image.Image:
    return _on_paper(digit, size=(130, 300), position=(9, 40))


def _framed(digit: Image.Image) -> Image.Image:
    return ImageOps.expand(
        _on_paper(digit, size=(160, 160), position=(24, 24)), border=10, fill=_FRAME
    )


def _on_paper(digit: Image.Image, size: tuple[int, int], position: tuple[int, int]) -> Image.Image:
    """Paste the digit on a larger sheet of that size (width, height), at that position (x, y)."""
    sheet = Image.new("L", size)
    sheet.paste(_resize(digit, _DIGIT_SIDE), position)
    return _gray_paper(sheet).convert("RGB")


def _resize(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


_RENDERERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    UNCHANGED: _unchanged,
    "dark-on-light": _dark_on_light,
    "transparent": _transparent,
    "gray-paper": _gray_paper,
    "large": _large,
    "small": _small,
    "wide": _wide,
    "tall": _tall,
    "framed": _framed,
}
VARIANTS = tuple(_RENDERERS)
