"""Training of the outlier detector that the preprocessing carries: is it a digit at all?

``python -m rehearsal.outlier_training FOLDER`` (of MNIST's four files) trains it on the training
images and on drawings of other things (outlier exposure: Hendrycks, Mazeika, Dietterich, ICLR
2019), chooses the threshold on held-out training images, and writes ``preprocessing/outliers.npz``.
Letters come from matplotlib's fonts; Pillow's own font is left for the tests.
"""

from __future__ import annotations

import string
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.centering import center_digit
from crosscloud_mnist.preprocessing.outliers import WEIGHTS
from crosscloud_mnist.storage import idx

Pixels = NDArray[np.uint8]
Random = np.random.Generator

_SEED = 7
_SIDE = 112  # pixels of a drawing
_OTHERS, _PRINTED_DIGITS, _HELD_OUT = 20_000, 2_500, 20_000
_EPOCHS, _BATCH = 16, 128
_MAX_FALSE_ALARMS = 1e-4  # of held-out digits: those below the threshold
# Left out of the letters: those that are written like a digit.
_LETTERS = sorted(set(string.ascii_letters + "#&%?@+=*<>ÄßΔΣΩπλψ¥€§") - set("oOQDIlzZsSGbBgqyYT"))


def main() -> None:
    """Train and write the weights."""
    random = np.random.default_rng(_SEED)
    name = "train-images-idx3-ubyte"
    content = (Path(sys.argv[1]) / f"{name}.gz").read_bytes()
    digits = idx.decode(idx.decompress(content, name), name)
    held_out, digits = digits[:_HELD_OUT], digits[_HELD_OUT:]
    others = np.stack([_draw_other(random) for _ in range(_OTHERS)])
    printed = np.stack([_draw_text(random, string.digits) for _ in range(_PRINTED_DIGITS)])
    weights = _train(np.concatenate([digits, printed]), others, random)
    weights["threshold"] = np.quantile(_logits(weights, held_out), _MAX_FALSE_ALARMS)
    caught = (_logits(weights, others[:5000]) < weights["threshold"]).mean()
    print(
        f"threshold {weights['threshold']:.2f}; of the training's other things {caught:.1%} below"
    )
    np.savez_compressed(
        WEIGHTS, allow_pickle=False, **{key: np.float16(value) for key, value in weights.items()}
    )


def _train(digits: Pixels, others: Pixels, random: Random) -> dict[str, NDArray[np.float32]]:
    import keras

    keras.utils.set_random_seed(_SEED)
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(24, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, _EPOCHS * 490)),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    images = np.concatenate([digits, others])[..., None]
    labels = np.concatenate([np.ones(len(digits)), np.zeros(len(others))])
    for _ in range(_EPOCHS):
        order = random.permutation(len(images))
        shifted = _shift(images[order], random)
        network.fit(shifted, labels[order], _BATCH, epochs=1, verbose=2)
    names = ("kernel1", "bias1", "kernel2", "bias2", "kernel3", "bias3", "kernel4", "bias4")
    return dict(zip(names, network.get_weights(), strict=True))


def _shift(images: Pixels, random: Random) -> Pixels:
    """Return each image shifted by at most one pixel in both directions."""
    shifted, shifts = images.copy(), random.integers(-1, 2, (len(images), 2))
    for shift in np.unique(shifts, axis=0):
        chosen = (shifts == shift).all(axis=1)
        shifted[chosen] = np.roll(images[chosen], tuple(shift), (1, 2))
    return shifted


def _logits(weights: dict[str, NDArray[np.float32]], images: Pixels) -> NDArray[np.float32]:
    from crosscloud_mnist.preprocessing.outliers import digit_logit

    rounded = {key: np.float32(np.float16(value)) for key, value in weights.items()}
    return np.array([digit_logit(image, rounded) for image in images])


def _draw_other(random: Random) -> Pixels:
    while True:
        draw = (_draw_text, _draw_strokes, _draw_shapes, _draw_parts)[
            random.choice(4, p=[0.55, 0.15, 0.2, 0.1])
        ]
        try:
            return draw(random)
        except ImageError:
            continue


def _draw_text(random: Random, characters: str | list[str] = _LETTERS) -> Pixels:
    """Draw a character in one of matplotlib's fonts, sheared and turned."""
    image = Image.new("L", (_SIDE, _SIDE))
    font = ImageFont.truetype(
        str(_FONTS[random.integers(len(_FONTS))]), int(random.integers(50, 90))
    )
    character = characters[random.integers(len(characters))]
    ImageDraw.Draw(image).text(
        (_SIDE / 2, _SIDE / 2),
        character,
        255,
        font,
        anchor="mm",
        stroke_width=int(random.integers(0, 3)),
    )
    return _distort(image, random)


def _draw_strokes(random: Random) -> Pixels:
    """Draw a polyline of a few strokes."""
    image = Image.new("L", (_SIDE, _SIDE))
    draw, width = ImageDraw.Draw(image), int(random.integers(5, 16))
    for _ in range(random.integers(2, 6)):
        points = random.integers(15, 97, (random.integers(2, 5), 2))
        draw.line([tuple(point) for point in points.tolist()], 255, width, joint="curve")
    return _distort(image, random)


def _draw_shapes(random: Random) -> Pixels:
    """Draw a few outlines, arcs and disks, such as the eyes and the mouth of a face."""
    image = Image.new("L", (_SIDE, _SIDE))
    draw, width = ImageDraw.Draw(image), int(random.integers(3, 12))
    for _ in range(random.integers(2, 5)):
        left, top = random.integers(8, 70, 2)
        right, bottom = left + random.integers(12, 70), top + random.integers(12, 70)
        box, kind = (left, top, right, bottom), random.integers(4)
        if kind == 0:
            draw.ellipse(box, outline=255, width=width)
        elif kind == 1:
            draw.rectangle(box, outline=255, width=width)
        elif kind == 2:
            start = random.integers(0, 360)
            draw.arc(box, start, start + random.integers(90, 200), 255, width)
        else:
            draw.ellipse(box, fill=255)
    if random.random() < 0.4:  # a face without its outline
        image = Image.new("L", (_SIDE, _SIDE))
        draw, eye = ImageDraw.Draw(image), random.uniform(3, 12)
        if random.random() < 0.6:  # or the mouth alone
            for x in (36, 76):
                draw.ellipse((x - eye, 40 - eye, x + eye, 40 + eye), fill=255)
            if random.random() < 0.5:
                draw.line((56, 45, random.integers(45, 67), 62), 255, width)
        box = (26, random.integers(30, 55), 86, random.integers(75, 100))
        start = random.choice([0, 180]) + random.integers(10, 40)
        draw.arc(box, start, start + random.integers(100, 160), 255, width)
    return _distort(image, random)


def _draw_parts(random: Random) -> Pixels:
    """Draw two characters side by side, or a grid."""
    image = Image.new("L", (_SIDE, _SIDE))
    draw, width = ImageDraw.Draw(image), int(random.integers(3, 8))
    if random.random() < 0.5:
        font = ImageFont.truetype(
            str(_FONTS[random.integers(len(_FONTS))]), int(random.integers(40, 60))
        )
        text = "".join(random.choice(list(string.digits + string.ascii_letters), 2))
        draw.text((_SIDE / 2, _SIDE / 2), text, 255, font, anchor="mm")
    else:
        for position in range(int(random.integers(5, 20)), _SIDE, int(random.integers(20, 40))):
            draw.line((position, 5, position, 105), 255, width)
            if random.random() < 0.7:
                draw.line((5, position, 105, position), 255, width)
    return _distort(image, random)


def _distort(image: Image.Image, random: Random) -> Pixels:
    """Turn and shear the drawing, and place it as the preprocessing does."""
    angle, shear = np.deg2rad(random.uniform(-12, 12)), random.uniform(-0.25, 0.25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, shear], [0, random.uniform(0.8, 1.25)]])
    centre = np.full(2, _SIDE / 2)
    offset = centre - matrix @ centre
    data = (*matrix[0], offset[0], *matrix[1], offset[1])
    turned = image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    return center_digit(np.asarray(turned, np.float32) / np.float32(255))


def _find_fonts() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    families = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "cmr10", "cmb10", "cmss10", "cmtt10")
    return sorted(
        path
        for path in folder.glob("*.ttf")
        if path.stem.startswith((*families, "STIXGeneral")) and "Display" not in path.stem
    )


_FONTS = _find_fonts()

if __name__ == "__main__":
    main()
