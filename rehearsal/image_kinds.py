"""Images as people send them: a digit among other things, and things that are no digit."""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]
Random = np.random.Generator

_SIZE = (640, 480)  # width and height, pixels
_PAPER, _INK = (235, 232, 224), (40, 45, 60)
_DIGIT_SIDE = 260  # pixels, of the 28 x 28 digit with its margin
# Letters that some people write as a digit: 0, 1, 2, 5, 6, 8, 9 and so on.
_LETTERS = sorted(set(string.ascii_letters) - set("OoQDIlijJLtTzZsSGbBgqaAyYpP"))


def _sheet(
    digit: Pixels,
    x: int,
    y: int,
    side: int = _DIGIT_SIDE,
    *,
    ink: tuple[int, ...] = _INK,
    paper: tuple[int, ...] = _PAPER,
    size: tuple[int, int] = _SIZE,
) -> Image.Image:
    """Return the digit on paper, its centre at x, y."""
    mask = Image.new("L", size)
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    mask.paste(large, (x - side // 2, y - side // 2))
    return Image.composite(Image.new("RGB", size, ink), Image.new("RGB", size, paper), mask)


def _place(random: Random) -> tuple[int, int]:
    return int(random.integers(290, 350)), int(random.integers(220, 260))


def _circled(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, width = _sheet(digit, x, y), int(random.integers(4, 11))
    across, down = random.integers(160, 230), random.integers(150, 200)
    ImageDraw.Draw(image).ellipse(
        (x - across, y - down, x + across, y + down), outline=_INK, width=width
    )
    return image


def _rounded_box(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, half = _sheet(digit, x, y), int(random.integers(140, 180))
    ImageDraw.Draw(image).rounded_rectangle(
        (x - half, y - half, x + half, y + half),
        radius=int(random.integers(10, 90)),
        outline=_INK,
        width=int(random.integers(3, 10)),
    )
    return image


def _box_with_gap(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, half, gap = _sheet(digit, x, y), int(random.integers(140, 180)), random.integers(20, 150)
    draw, width = ImageDraw.Draw(image), int(random.integers(3, 9))
    draw.rectangle((x - half, y - half, x + half, y + half), outline=_INK, width=width)
    start = y - half + int(random.integers(0, 2 * half - gap))
    draw.rectangle((x - half - 2, start, x - half + width + 2, start + gap), fill=_PAPER)
    return image


def _table_cell(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, width = _sheet(digit, x, y), int(random.integers(3, 9))
    draw = ImageDraw.Draw(image)
    for offset in random.choice([-190, 190, 230, -230], size=random.integers(1, 4), replace=False):
        draw.line((x + offset, 0, x + offset, 480), fill=(20, 20, 20), width=width)
    for offset in random.choice([-170, 170], size=random.integers(1, 3), replace=False):
        draw.line((0, y + offset, 640, y + offset), fill=(20, 20, 20), width=width)
    return image


def _ruled(digit: Pixels, random: Random) -> Image.Image:
    image = _sheet(digit, *_place(random))
    distance, tilt = int(random.integers(60, 130)), int(random.integers(-20, 21))
    color = tuple(int(value) for value in random.integers(60, 140, 3))
    for y in range(int(random.integers(0, distance)), 480, distance):
        ImageDraw.Draw(image).line((0, y, 640, y + tilt), color, int(random.integers(2, 5)))
    return image


def _strike_through(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, half, tilt = _sheet(digit, x, y), random.integers(140, 200), random.integers(-15, 16)
    ImageDraw.Draw(image).line(
        (x - half, y + tilt, x + half, y - tilt), _INK, int(random.integers(3, 7))
    )
    return image


def _underlined(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, half = _sheet(digit, x, y), random.integers(80, 160)
    y += int(random.integers(120, 150))
    tilt = random.integers(-5, 6)
    ImageDraw.Draw(image).line(
        (x - half, y + tilt, x + half, y - tilt), _INK, int(random.integers(4, 11))
    )
    return image


def _blot(digit: Pixels, random: Random) -> Image.Image:
    x, y = _place(random)
    image, side = _sheet(digit, x - 30, y), random.integers(60, 110)
    left, top = 520, random.integers(20, 350)
    ImageDraw.Draw(image).ellipse(
        (left, top, left + side, top + side * random.uniform(0.8, 1.2)), fill=(60, 50, 40)
    )
    return image


def _hard_shadow(digit: Pixels, random: Random) -> Image.Image:
    image = np.asarray(_sheet(digit, *_place(random)), np.float64)
    y, x = np.mgrid[:480, :640]
    angle, offset = random.uniform(0, 2 * np.pi), random.uniform(-80, 80)
    distance = (x - 320) * np.cos(angle) + (y - 240) * np.sin(angle) - offset
    light = np.where(distance > 0, random.uniform(0.45, 0.7), 1.0)
    return Image.fromarray((image * light[..., None]).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(2)
    )


def _glare(digit: Pixels, random: Random) -> Image.Image:
    place = _place(random)
    image = np.asarray(_sheet(digit, *place, ink=(40, 70, 190), paper=(170, 171, 175)), np.float64)
    y, x = np.mgrid[:480, :640]
    centre_x, centre_y = place[0] + random.uniform(60, 150), place[1] + random.uniform(-150, 0)
    distance = np.hypot(x - centre_x, y - centre_y) / random.uniform(40, 70)
    glare = 1.5 * np.exp(-(distance**2) / 2)
    lit = image + (255 - image) * glare.clip(0, 1)[..., None]
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def _tiny(digit: Pixels, random: Random) -> Image.Image:
    x, y = int(random.integers(150, 1450)), int(random.integers(100, 1100))
    image = _sheet(digit, x, y, side=100, size=(1600, 1200))
    noise = random.normal(0, 2, (1200, 1600, 1))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _colored(digit: Pixels, random: Random) -> Image.Image:
    colors = [
        ((210, 0, 0), (0, 110, 0)),
        ((0, 90, 220), (150, 60, 40)),
        ((40, 150, 40), (200, 80, 160)),
    ]
    ink, paper = colors[random.integers(len(colors))]
    return _sheet(digit, *_place(random), ink=ink, paper=paper)


def _thin(digit: Pixels, random: Random) -> Image.Image:
    """A ballpoint's line: the digit's strokes are worn down."""
    image = _sheet(digit, *_place(random)).convert("L")
    core = np.asarray(image.filter(ImageFilter.MaxFilter(9)), np.float64)
    return Image.fromarray(np.where(core < 110, 50, 232).astype(np.uint8))


def two_digits(one: Pixels, other: Pixels, random: Random) -> Image.Image:
    """Two digits of about one size, side by side."""
    y = random.integers(-20, 21, 2) + 240
    left = np.asarray(_sheet(one, 190, int(y[0]), 200))
    right = np.asarray(_sheet(other, 450, int(y[1]), int(random.integers(170, 230))))
    return Image.fromarray(np.minimum(left, right))


def _face(random: Random) -> Image.Image:
    image = Image.new("RGB", _SIZE, _PAPER)
    draw, width = ImageDraw.Draw(image), int(random.integers(4, 16))
    x, y, size = *_place(random), random.integers(100, 180)
    draw.ellipse((x - size, y - size, x + size, y + size), outline=_INK, width=width)
    eye = size * random.uniform(0.06, 0.18)
    for side in (-1, 1):
        cx, cy = x + side * size * 0.4, y - size * 0.3
        draw.ellipse((cx - eye, cy - eye, cx + eye, cy + eye), fill=_INK)
    draw.arc(
        (x - size / 2, y - size / 4, x + size / 2, y + size * 0.6),
        *((20, 160) if random.random() < 0.7 else (200, 340)),
        fill=_INK,
        width=width,
    )
    if random.random() < 0.5:
        draw.line((x, y - size * 0.15, x - size * 0.1, y + size * 0.1), _INK, width)
    return image


def _letter(random: Random) -> Image.Image:
    image = Image.new("RGB", _SIZE, _PAPER)
    font = ImageFont.load_default(int(random.integers(150, 350)))
    letter = _LETTERS[random.integers(len(_LETTERS))]
    ImageDraw.Draw(image).text(_place(random), letter, _INK, font, anchor="mm")
    return image.rotate(random.uniform(-10, 10), Image.Resampling.BICUBIC, fillcolor=_PAPER)


def _empty_form(random: Random) -> Image.Image:
    image = Image.new("RGB", _SIZE, _PAPER)
    draw, width = ImageDraw.Draw(image), int(random.integers(2, 8))
    kind = random.integers(4)
    if kind == 0:  # a row of boxes
        side = int(random.integers(60, 110))
        for index in range(int(random.integers(1, 5))):
            left = 40 + index * (side + 20)
            draw.rectangle((left, 180, left + side, 180 + side), outline=_INK, width=width)
    elif kind == 1:  # a table
        step = int(random.integers(80, 160))
        for position in range(step // 2, 640, step):
            draw.line((position, 0, position, 480), _INK, width)
            draw.line((0, position, 640, position), _INK, width)
    elif kind == 2:  # ruled paper
        for y in range(30, 480, int(random.integers(40, 90))):
            draw.line((0, y, 640, y), _INK, width)
    else:  # a box with a line to write on
        draw.rounded_rectangle((120, 80, 520, 400), 20, outline=_INK, width=width)
        draw.line((170, 340, 470, 340), _INK, width)
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
        return small.resize(_SIZE, Image.Resampling.BICUBIC)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


DIGIT_KINDS: dict[str, Callable[[Pixels, Random], Image.Image]] = {
    "circled": _circled,
    "rounded box": _rounded_box,
    "box with a gap": _box_with_gap,
    "table cell": _table_cell,
    "ruled": _ruled,
    "strike-through": _strike_through,
    "underlined": _underlined,
    "blot": _blot,
    "hard shadow": _hard_shadow,
    "glare": _glare,
    "tiny": _tiny,
    "colored": _colored,
    "thin": _thin,
}
OTHER_KINDS: dict[str, Callable[[Random], Image.Image]] = {
    "face": _face,
    "letter": _letter,
    "empty form": _empty_form,
    "noise": _noise,
}
