"""However a digit was drawn, scanned or photographed, the model is given the same image."""

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

ImageFile = NDArray[np.uint8]
PAPER, PEN = 215, 50


@pytest.fixture(scope="module")
def one_of_each(digits: Mapping[str, ImageFile]) -> list[ImageFile]:
    images = digits["t10k-images-idx3-ubyte"]
    labels = digits["t10k-labels-idx1-ubyte"]
    return [images[labels == digit][3] for digit in range(10)]


def likeness(one: ImageFile, other: ImageFile) -> float:
    """Correlation of the two images where they meet best, within one pixel."""
    return max(
        float(np.corrcoef(np.roll(one, (y, x), (0, 1)).ravel(), other.ravel())[0, 1])
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    )


def sheet(image: ImageFile, size: tuple[int, int] = (360, 300)) -> Image.Image:
    """Pen on paper, the digit somewhat left of the centre; sizes are (width, height)."""
    side = min(size) * 7 // 10
    ink = Image.new("L", size)
    ink.paste(Image.fromarray(image).resize((side, side)), (size[0] // 10, size[1] // 8))
    return Image.fromarray((PAPER - np.asarray(ink, float) * ((PAPER - PEN) / 255)).astype("uint8"))


def photographed(image: ImageFile) -> Image.Image:
    """Light from one side, noise of the sensor, JPEG."""
    clean = np.asarray(sheet(image), float)
    light = np.linspace(1.1, 0.75, clean.shape[1])
    noisy = clean * light + np.random.default_rng(1).normal(0, 6, clean.shape)
    stream = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(stream, "JPEG", quality=60)
    return Image.open(stream)


def turned_by_the_camera(image: ImageFile) -> Image.Image:
    """Stored on its side; EXIF says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    sheet(image).transpose(Image.Transpose.ROTATE_90).save(stream, "JPEG", exif=exif)
    return Image.open(stream)


def card_on_a_table(image: ImageFile) -> Image.Image:
    card = ImageOps.expand(sheet(image), border=12, fill=245).convert("RGB")
    return card.rotate(3, Image.Resampling.BICUBIC, expand=True, fillcolor=(80, 60, 40))


def line_around(image: ImageFile) -> Image.Image:
    image_on_paper = sheet(image)
    ImageDraw.Draw(image_on_paper).rectangle((8, 8, 351, 291), outline=40, width=4)
    return image_on_paper


def strip_of_table(image: ImageFile) -> Image.Image:
    image_on_paper = sheet(image)
    ImageDraw.Draw(image_on_paper).rectangle((335, 0, 360, 300), fill=15)
    return image_on_paper


def specks(image: ImageFile) -> Image.Image:
    image_on_paper = sheet(image)
    for x, y in np.random.default_rng(2).integers(0, 300, (10, 2)):
        ImageDraw.Draw(image_on_paper).ellipse((x, y, x + 4, y + 4), fill=60)
    return image_on_paper


def chalk(image: ImageFile) -> Image.Image:
    return ImageOps.invert(photographed(image))


def white_on_transparent(image: ImageFile) -> Image.Image:
    drawn = Image.new("RGBA", (28, 28), (255, 255, 255, 0))
    drawn.putalpha(Image.fromarray(image))
    return drawn.resize((200, 200))


@pytest.mark.parametrize("kind", VARIANTS)
def test_every_variant_shows_the_same_digit(kind: str, one_of_each: list[ImageFile]) -> None:
    for digit, image in enumerate(one_of_each):
        seen = to_model_input(render_variant(image, kind))
        assert likeness(seen, to_model_input(Image.fromarray(image))) > 0.93, digit


@pytest.mark.parametrize(
    "made",
    [
        photographed,
        turned_by_the_camera,
        card_on_a_table,
        line_around,
        strip_of_table,
        specks,
        chalk,
        white_on_transparent,
        lambda image: sheet(image, (1600, 1200)),
        lambda image: sheet(image, (600, 150)),
        lambda image: sheet(image, (150, 600)),
        lambda image: sheet(image, (44, 40)),
    ],
)
def test_people_s_images_show_the_same_digit(
    made: Callable[[ImageFile], Image.Image], one_of_each: list[ImageFile]
) -> None:
    for digit, image in enumerate(one_of_each):
        seen = to_model_input(made(image))
        assert likeness(seen, to_model_input(Image.fromarray(image))) > 0.85, digit


@pytest.mark.parametrize("mode", ["1", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F"])
def test_every_mode_is_read(mode: str, one_of_each: list[ImageFile]) -> None:
    plain = sheet(one_of_each[2])
    stretched = Image.fromarray(np.where(np.asarray(plain) < 130, 0, 255).astype("uint8"))
    seen = to_model_input(stretched.convert("LA" if mode == "PA" else mode).convert(mode))
    assert likeness(seen, to_model_input(plain)) > 0.85


def test_sixteen_bits_are_read(one_of_each: list[ImageFile]) -> None:
    deep = Image.fromarray(np.asarray(sheet(one_of_each[5])).astype(np.uint16) * 257)
    assert likeness(to_model_input(deep), to_model_input(sheet(one_of_each[5]))) > 0.98


def test_the_digit_stands_as_in_mnist(one_of_each: list[ImageFile]) -> None:
    for image in one_of_each:
        seen = to_model_input(photographed(image))
        assert (seen.shape, seen.dtype) == ((28, 28), np.uint8)
        ink = np.argwhere(seen > 60)
        assert np.ptp(ink, axis=0).max() + 1 in {19, 20}
        centre = (np.indices(seen.shape) * seen).sum(axis=(1, 2)) / seen.sum()
        assert np.abs(centre - 13.5).max() < 1.1
        assert seen.max() == 255
        assert not seen[[0, -1]].any()


def test_width_and_height_are_not_swapped(one_of_each: list[ImageFile]) -> None:
    one = to_model_input(sheet(one_of_each[1], (500, 200)))
    height, width = np.ptp(np.argwhere(one > 60), axis=0)
    assert height > width


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (Image.new("L", (200, 200), 240), "shows no ink"),
        (Image.new("RGBA", (60, 60)), "wholly transparent"),
        (Image.new("L", (5, 5)), "5 x 5 pixels"),
        (
            Image.fromarray(
                np.random.default_rng(0).normal(128, 20, (90, 90)).clip(0, 255).astype("uint8")
            ),
            "shows no ink",
        ),
    ],
)
def test_what_shows_no_digit_is_refused_in_one_line(image: Image.Image, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint) as caught:
        to_model_input(image)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused_in_one_line(one_of_each: list[ImageFile]) -> None:
    stream = io.BytesIO()
    sheet(one_of_each[0]).save(stream, "PNG")
    broken = Image.open(io.BytesIO(stream.getvalue()[:300]))
    with pytest.raises(ImageError, match="cannot be decoded"):
        to_model_input(broken)
