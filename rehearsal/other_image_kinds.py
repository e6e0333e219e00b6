"""Images of things that are no digit: faces, letters, empty forms, noise."""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rehearsal.image_kinds import INK, PAPER, SIZE, Random, choose_place

# Letters that some people write as a digit: 0, 1, 2, 5, 6, 8, 9 and so on.
_LETTERS = sorted(set(string.ascii_letters) - set("OoQDIlijJLtTzZsSGbBgqaAyYpP"))


def _face(random: Random) -> Image.Image:
    image = Image.new("RGB", SIZE, PAPER)
    draw, width = ImageDraw.Draw(image), int(random.integers(4, 16))
    x, y, size = *choose_place(random), random.integers(100, 180)
    draw.ellipse((x - size, y - size, x + size, y + size), outline=INK, width=width)
    eye = size * random.uniform(0.06, 0.18)
    for side in (-1, 1):
        cx, cy = x + side * size * 0.4, y - size * 0.3
        draw.ellipse((cx - eye, cy - eye, cx + eye, cy + eye), fill=INK)
    draw.arc(
        (x - size / 2, y - size / 4, x + size / 2, y + size * 0.6),
        *((20, 160) if random.random() < 0.7 else (200, 340)),
        fill=INK,
        width=width,
    )
    if random.random() < 0.5:
        draw.line((x, y - size * 0.15, x - size * 0.1, y + size * 0.1), INK, width)
    return image


def _letter(random: Random) -> Image.Image:
    image = Image.new("RGB", SIZE, PAPER)
    font = ImageFont.load_default(int(random.integers(150, 350)))
    letter = _LETTERS[random.integers(len(_LETTERS))]
    ImageDraw.Draw(image).text(choose_place(random), letter, INK, font, anchor="mm")
    return image.rotate(random.uniform(-10, 10), Image.Resampling.BICUBIC, fillcolor=PAPER)


def _empty_form(random: Random) -> Image.Image:
    image = Image.new("RGB", SIZE, PAPER)
    draw, width = ImageDraw.Draw(image), int(random.integers(2, 8))
    kind = random.integers(4)
    if kind == 0:  # a row of boxes
        side = int(random.integers(60, 110))
        for index in range(int(random.integers(1, 5))):
            left = 40 + index * (side + 20)
            draw.rectangle((left, 180, left + side, 180 + side), outline=INK, width=width)
    elif kind == 1:  # a table
        step = int(random.integers(80, 160))
        for position in range(step // 2, 640, step):
            draw.line((position, 0, position, 480), INK, width)
            draw.line((0, position, 640, position), INK, width)
    elif kind == 2:  # ruled paper
        for y in range(30, 480, int(random.integers(40, 90))):
            draw.line((0, y, 640, y), INK, width)
    else:  # a box with a line to write on
        draw.rounded_rectangle((120, 80, 520, 400), 20, outline=INK, width=width)
        draw.line((170, 340, 470, 340), INK, width)
    return image


def _noise(random: Random) -> Image.Image:
    kind = random.integers(4)
    if kind == 0:
        pixels = random.normal(128, random.uniform(5, 60), (480, 640))
    elif kind == 1:
        pixels = random.uniform(0, 255, (28, 28))
    elif kind == 2:  # salt and pepper
        pixels = np.where(random.random((480, 640)) < 0.05, 0, 235)
    else:  # clouds
        small = Image.fromarray(random.uniform(0, 255, (9, 12)).astype(np.uint8))
        return small.resize(SIZE, Image.Resampling.BICUBIC)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


OTHER_KINDS: dict[str, Callable[[Random], Image.Image]] = {
    "face": _face,
    "letter": _letter,
    "empty form": _empty_form,
    "noise": _noise,
}
