"""However a digit was drawn, scanned or photographed, the model's input is the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant

pytestmark = pytest.mark.slow

Pixels = NDArray[np.uint8]
PAPER, PEN = 215, 50


@pytest.fixture(scope="module")
def one_of_each(digits: Mapping[str, Pixels]) -> list[Pixels]:
    images = digits["t10k-images-idx3-ubyte"]
    labels = digits["t10k-labels-idx1-ubyte"]
    return [images[labels == digit][3] for digit in range(10)]


def best_correlation(one: Pixels, other: Pixels) -> float:
    """Correlation of the two images where they meet best, within one pixel."""
    return max(
        float(np.corrcoef(np.roll(one, (y, x), (0, 1)).ravel(), other.ravel())[0, 1])
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    )


def sheet(image: Pixels, size: tuple[int, int] = (360, 300)) -> Image.Image:
    """Pen on paper, the digit somewhat left of the centre; sizes are (width, height)."""
    side = min(size) * 7 // 10
    digit = Image.new("L", size)
    digit.paste(Image.fromarray(image).resize((side, side)), (size[0] // 10, size[1] // 8))
    return Image.fromarray(
        (PAPER - np.asarray(digit, float) * ((PAPER - PEN) / 255)).astype("uint8")
    )


def photographed(image: Pixels) -> Image.Image:
    """Light from one side, noise of the sensor, JPEG."""
    clean = np.asarray(sheet(image), float)
    light = np.linspace(1.1, 0.75, clean.shape[1])
    noisy = clean * light + np.random.default_rng(1).normal(0, 6, clean.shape)
    stream = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(stream, "JPEG", quality=60)
    return Image.open(stream)


def rotated_by_exif(image: Pixels) -> Image.Image:
    """Stored on its side; EXIF says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    sheet(image).transpose(Image.Transpose.ROTATE_90).save(stream, "JPEG", exif=exif)
    return Image.open(stream)


def sixteen_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)


def as_jpeg(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return Image.open(stream)


def card_on_a_table(image: Pixels) -> Image.Image:
    card = ImageOps.expand(sheet(image), border=12, fill=245).convert("RGB")
    return card.rotate(3, Image.Resampling.BICUBIC, expand=True, fillcolor=(80, 60, 40))


def line_around(image: Pixels) -> Image.Image:
    image_on_paper = sheet(image)
    ImageDraw.Draw(image_on_paper).rectangle((8, 8, 351, 291), outline=40, width=4)
    return image_on_paper


def strip_of_table(image: Pixels) -> Image.Image:
    image_on_paper = sheet(image)
    ImageDraw.Draw(image_on_paper).rectangle((335, 0, 360, 300), fill=15)
    return image_on_paper


def specks(image: Pixels) -> Image.Image:
    image_on_paper = sheet(image)
    for x, y in np.random.default_rng(2).integers(0, 300, (10, 2)):
        ImageDraw.Draw(image_on_paper).ellipse((x, y, x + 4, y + 4), fill=60)
    return image_on_paper


def chalk(image: Pixels) -> Image.Image:
    return ImageOps.invert(photographed(image))


def white_on_transparent(image: Pixels) -> Image.Image:
    drawn = Image.new("RGBA", (28, 28), (255, 255, 255, 0))
    drawn.putalpha(Image.fromarray(image))
    return drawn.resize((200, 200))


@pytest.mark.parametrize("kind", VARIANTS)
def test_every_variant_gives_the_same_input(kind: str, one_of_each: list[Pixels]) -> None:
    for digit, image in enumerate(one_of_each):
        result = to_model_input(render_variant(image, kind))
        assert best_correlation(result, to_model_input(Image.fromarray(image))) > 0.93, digit


@pytest.mark.parametrize(
    "render",
    [
        photographed,
        rotated_by_exif,
        card_on_a_table,
        line_around,
        strip_of_table,
        specks,
        chalk,
        white_on_transparent,
        lambda image: sheet(image, (1600, 1200)),
        lambda image: sheet(image, (4600, 3200)),
        lambda image: sixteen_bits(sheet(image, (4600, 3200))),
        lambda image: as_jpeg(sheet(image, (4600, 3200))),
        lambda image: sheet(image, (600, 150)),
        lambda image: sheet(image, (150, 600)),
        lambda image: sheet(image, (44, 40)),
    ],
)
def test_images_of_many_kinds_give_the_same_input(
    render: Callable[[Pixels], Image.Image], one_of_each: list[Pixels]
) -> None:
    for digit, image in enumerate(one_of_each):
        result = to_model_input(render(image))
        assert best_correlation(result, to_model_input(Image.fromarray(image))) > 0.85, digit


@pytest.mark.parametrize("mode", ["1", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F"])
def test_every_mode_is_read(mode: str, one_of_each: list[Pixels]) -> None:
    plain = sheet(one_of_each[2])
    stretched = Image.fromarray(np.where(np.asarray(plain) < 130, 0, 255).astype("uint8"))
    result = to_model_input(stretched.convert("LA" if mode == "PA" else mode).convert(mode))
    assert best_correlation(result, to_model_input(plain)) > 0.85


def test_sixteen_bits_are_read(one_of_each: list[Pixels]) -> None:
    deep = sixteen_bits(sheet(one_of_each[5]))
    assert best_correlation(to_model_input(deep), to_model_input(sheet(one_of_each[5]))) > 0.98


def test_the_digit_is_placed_as_in_mnist(one_of_each: list[Pixels]) -> None:
    for image in one_of_each:
        result = to_model_input(photographed(image))
        assert (result.shape, result.dtype) == ((28, 28), np.uint8)
        foreground = np.argwhere(result > 60)
        assert np.ptp(foreground, axis=0).max() + 1 in {19, 20}
        centre = (np.indices(result.shape) * result).sum(axis=(1, 2)) / result.sum()
        assert np.abs(centre - 13.5).max() < 0.55
        assert result.max() == 255
        assert not result[[0, -1]].any()


def test_width_and_height_are_not_swapped(one_of_each: list[Pixels]) -> None:
    one = to_model_input(sheet(one_of_each[1], (500, 200)))
    height, width = np.ptp(np.argwhere(one > 60), axis=0)
    assert height > width


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("L", (200, 200), 240), "shows no digit"),
        (Image.new("RGBA", (60, 60)), "fully transparent"),
        (Image.new("L", (5, 5)), "5 x 5 pixels"),
        (
            Image.fromarray(
                np.random.default_rng(0).normal(128, 20, (90, 90)).clip(0, 255).astype("uint8")
            ),
            "shows no digit",
        ),
    ],
)
def test_an_image_without_a_digit_is_rejected_in_one_line(image: Image.Image, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        to_model_input(image)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_rejected_in_one_line(one_of_each: list[Pixels]) -> None:
    stream = io.BytesIO()
    sheet(one_of_each[0]).save(stream, "PNG")
    broken = Image.open(io.BytesIO(stream.getvalue()[:300]))
    with pytest.raises(ImageError, match="cannot be decoded"):
        to_model_input(broken)


@pytest.mark.parametrize("width", [3, 8, 20])
def test_a_thin_stroke_is_as_wide_as_those_of_mnist(width: int) -> None:
    """A 7 of 240 pixels: unchanged, its strokes would be 0.2 to 1.7 pixels wide."""
    image = Image.new("L", (300, 400), 240)
    ImageDraw.Draw(image).line([(80, 80), (220, 80), (130, 320)], fill=20, width=width)
    rows = to_model_input(image)[12:22].sum(axis=1) / 255
    assert 1.7 <= rows.mean() <= 2.4
