"""A model's own image, as people's images come: dark on light, transparent, framed, oblong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_PAPER, _PEN = 238, 35  # gray values
_LARGE, _SMALL = 420, 40  # pixels


def render_variant(image: NDArray[np.uint8], kind: str) -> Image.Image:
    """Return the image in one of the ``VARIANTS``.

    Args:
        image: [28, 28], uint8, light ink on dark ground.
        kind: Which.
    """
    return _KINDS[kind](Image.fromarray(image))


def _as_it_is(ink: Image.Image) -> Image.Image:
    return ink


def _dark_on_light(ink: Image.Image) -> Image.Image:
    return ImageOps.invert(ink).convert("RGB")


def _transparent(ink: Image.Image) -> Image.Image:
    """Black ink; what is no ink is transparent."""
    image = Image.new("RGBA", ink.size)
    image.putalpha(ink)
    return image.resize((140, 140), Image.Resampling.BICUBIC)


def _gray_paper(ink: Image.Image) -> Image.Image:
    return Image.fromarray(
        (_PAPER - np.asarray(ink, np.float32) * ((_PAPER - _PEN) / 255)).astype(np.uint8)
    )


def _large(ink: Image.Image) -> Image.Image:
    return _gray_paper(ink.resize((_LARGE, _LARGE), Image.Resampling.BICUBIC))


def _small(ink: Image.Image) -> Image.Image:
    return _gray_paper(ink.resize((_SMALL, _SMALL), Image.Resampling.BICUBIC))


def _wide(ink: Image.Image) -> Image.Image:
    return _on_paper(ink.resize((112, 112), Image.Resampling.BICUBIC), (300, 130), (150, 9))


def _tall(ink: Image.Image) -> Image.Image:
    return _on_paper(ink.resize((112, 112), Image.Resampling.BICUBIC), (130, 300), (9, 40))


def _framed(ink: Image.Image) -> Image.Image:
    paper = _on_paper(ink.resize((112, 112), Image.Resampling.BICUBIC), (160, 160), (24, 24))
    return ImageOps.expand(paper, border=10, fill=(20, 20, 20))


def _on_paper(ink: Image.Image, size: tuple[int, int], at: tuple[int, int]) -> Image.Image:
    """WorkerContext the ink on a larger sheet; sizes and places are (width, height) and (x, y)."""
    sheet = Image.new("L", size)
    sheet.paste(ink, at)
    return _gray_paper(sheet).convert("RGB")


_KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as-it-is": _as_it_is,
    "dark-on-light": _dark_on_light,
    "transparent": _transparent,
    "gray-paper": _gray_paper,
    "large": _large,
    "small": _small,
    "wide": _wide,
    "tall": _tall,
    "framed": _framed,
}
VARIANTS = tuple(_KINDS)
