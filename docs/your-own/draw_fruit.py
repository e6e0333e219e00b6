"""Draws the data set of the example: one coloured fruit an image, images of several sizes."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"apple": (190, 30, 40), "lemon": (230, 205, 60), "plum": (95, 40, 120)}
COUNTS = {"train": 60, "test": 16}  # images of each class


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """Return an image of one fruit on a table."""
    width, height = (int(side) for side in random.integers(60, 160, 2))
    table = random.integers(90, 150) + random.normal(0, 6, (height, width, 3))
    image = Image.fromarray(table.clip(0, 255).astype(np.uint8))
    radius = int(min(width, height) * random.uniform(0.25, 0.4))
    left = int(random.integers(0, width - 2 * radius))
    top = int(random.integers(0, height - 2 * radius))
    colour = (np.array(COLOURS[name]) + random.integers(-20, 21, 3)).clip(0, 255)
    box = (left, top, left + 2 * radius, top + 2 * radius)
    ImageDraw.Draw(image).ellipse(box, fill=tuple(colour.tolist()))
    return image


def main(folder: Path) -> None:
    """Write the images to ``train/<class>/`` and ``test/<class>/``."""
    random = np.random.default_rng(0)
    for split, count in COUNTS.items():
        for name in COLOURS:
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                draw(name, random).save(folder / split / name / f"{number:03d}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
