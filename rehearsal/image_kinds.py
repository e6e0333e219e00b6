"""Images as people send them: a digit among other things."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Pixels = NDArray[np.uint8]
Random = np.random.Generator

SIZE = (640, 480)  # width and height, pixels
PAPER, INK = (235, 232, 224), (40, 45, 60)
_DIGIT_SIDE = 260  # pixels, of the 28 x 28 digit with its margin


def _sheet(
    digit: Pixels,
    x: int,
    y: int,
    side: int = _DIGIT_SIDE,
    *,
    ink: tuple[int, ...] = INK,
    paper: tuple[int, ...] = PAPER,
    size: tuple[int, int] = SIZE,
) -> Image.Image:
    """Return the digit on paper, its centre at x, y."""
    mask = Image.new("L", size)
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    mask.paste(large, (x - side // 2, y - side // 2))
    return Image.composite(Image.new("RGB", size, ink), Image.new("RGB", size, paper), mask)


def choose_place(random: Random) -> tuple[int, int]:
    """Return x and y near the middle of an image, pixels."""
    return int(random.integers(290, 350)), int(random.integers(220, 260))


def _circled(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, width = _sheet(digit, x, y), int(random.integers(4, 11))
    across, down = random.integers(160, 230), random.integers(150, 200)
    ImageDraw.Draw(image).ellipse(
        (x - across, y - down, x + across, y + down), outline=INK, width=width
    )
    return image


def _rounded_box(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, half = _sheet(digit, x, y), int(random.integers(140, 180))
    ImageDraw.Draw(image).rounded_rectangle(
        (x - half, y - half, x + half, y + half),
        radius=int(random.integers(10, 90)),
        outline=INK,
        width=int(random.integers(3, 10)),
    )
    return image


def _box_with_gap(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, half, gap = _sheet(digit, x, y), int(random.integers(140, 180)), random.integers(20, 150)
    draw, width = ImageDraw.Draw(image), int(random.integers(3, 9))
    draw.rectangle((x - half, y - half, x + half, y + half), outline=INK, width=width)
    start = y - half + int(random.integers(0, 2 * half - gap))
    draw.rectangle((x - half - 2, start, x - half + width + 2, start + gap), fill=PAPER)
    return image


def _table_cell(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, width = _sheet(digit, x, y), int(random.integers(3, 9))
    draw = ImageDraw.Draw(image)
    for offset in random.choice([-190, 190, 230, -230], size=random.integers(1, 4), replace=False):
        draw.line((x + offset, 0, x + offset, 480), fill=(20, 20, 20), width=width)
    for offset in random.choice([-170, 170], size=random.integers(1, 3), replace=False):
        draw.line((0, y + offset, 640, y + offset), fill=(20, 20, 20), width=width)
    return image


def _ruled(digit: Pixels, random: Random) -> Image.Image:
    image = _sheet(digit, *choose_place(random))
    distance, tilt = int(random.integers(60, 130)), int(random.integers(-20, 21))
    color = tuple(int(value) for value in random.integers(60, 140, 3))
    for y in range(int(random.integers(0, distance)), 480, distance):
        ImageDraw.Draw(image).line((0, y, 640, y + tilt), color, int(random.integers(2, 5)))
    return image


def _strike_through(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, half, tilt = _sheet(digit, x, y), random.integers(140, 200), random.integers(-15, 16)
    ImageDraw.Draw(image).line(
        (x - half, y + tilt, x + half, y - tilt), INK, int(random.integers(3, 7))
    )
    return image


def _underlined(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, half = _sheet(digit, x, y), random.integers(80, 160)
    y += int(random.integers(120, 150))
    tilt = random.integers(-5, 6)
    ImageDraw.Draw(image).line(
        (x - half, y + tilt, x + half, y - tilt), INK, int(random.integers(4, 11))
    )
    return image


def _blot(digit: Pixels, random: Random) -> Image.Image:
    x, y = choose_place(random)
    image, side = _sheet(digit, x - 30, y), random.integers(60, 110)
    left, top = 520, random.integers(20, 350)
    ImageDraw.Draw(image).ellipse(
        (left, top, left + side, top + side * random.uniform(0.8, 1.2)), fill=(60, 50, 40)
    )
    return image


def _hard_shadow(digit: Pixels, random: Random) -> Image.Image:
    image = np.asarray(_sheet(digit, *choose_place(random)), np.float64)
    y, x = np.mgrid[:480, :640]
    angle, offset = random.uniform(0, 2 * np.pi), random.uniform(-80, 80)
    distance = (x - 320) * np.cos(angle) + (y - 240) * np.sin(angle) - offset
    light = np.where(distance > 0, random.uniform(0.45, 0.7), 1.0)
    return Image.fromarray((image * light[..., None]).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(2)
    )


def _glare(digit: Pixels, random: Random) -> Image.Image:
    place = choose_place(random)
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
    return _sheet(digit, *choose_place(random), ink=ink, paper=paper)


def _thin(digit: Pixels, random: Random) -> Image.Image:
    """A ballpoint's line: the digit's strokes are worn down."""
    image = _sheet(digit, *choose_place(random)).convert("L")
    core = np.asarray(image.filter(ImageFilter.MaxFilter(9)), np.float64)
    return Image.fromarray(np.where(core < 110, 50, 232).astype(np.uint8))


def two_digits(one: Pixels, other: Pixels, random: Random) -> Image.Image:
    """Two digits of about one size, side by side."""
    y = random.integers(-20, 21, 2) + 240
    left = np.asarray(_sheet(one, 190, int(y[0]), 200))
    right = np.asarray(_sheet(other, 450, int(y[1]), int(random.integers(170, 230))))
    return Image.fromarray(np.minimum(left, right))


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
