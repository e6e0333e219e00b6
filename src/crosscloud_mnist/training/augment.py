"""Small, seeded changes to training images: a turn, a scale, a slant, a shift, a bend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_TURN = 0.17  # radians, about 10 degrees
_SCALE = 0.1
_SHIFT = 2.0  # pixels
_SLANT = 0.1  # pixels across for each pixel down; of elastic images
_KNOTS = 5  # of the elastic displacement, in each direction


def augment(images: tf.Tensor, seed: tf.Tensor, elastic: float = 0.0) -> tf.Tensor:
    """Turn, scale, shift, and where ``elastic`` is set bend every image by its own amounts.

    Elastic distortions are those of Simard et al. 2003, "Best practices for convolutional neural
    networks applied to visual document analysis"; the smooth field comes from a coarse grid.

    Args:
        images: [n, h, w], uint8, on a ground of 0.
        seed: [2], int64: the same seed gives the same images.
        elastic: Standard deviation of the displacement at the grid's knots, pixels.

    Returns:
        [n, h, w], uint8.
    """
    import tensorflow as tf

    count, height, width = images.shape
    drawn = tf.random.stateless_uniform((5, count), seed, -1.0, 1.0)
    turn, scale = _TURN * drawn[0], 1 + _SCALE * drawn[1]
    slant = (_SLANT if elastic else 0.0) * drawn[4]
    cos, sin = tf.cos(turn) * scale, tf.sin(turn) * scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    across = middle_x - cos * middle_x + (sin - slant) * middle_y + _SHIFT * drawn[2]
    down = middle_y - sin * middle_x - cos * middle_y + _SHIFT * drawn[3]
    floats = tf.cast(images, tf.float32)
    if elastic:
        x, y = tf.range(float(width))[None, None, :], tf.range(float(height))[None, :, None]
        sides = [_each(amounts) for amounts in (cos, slant - sin, across, sin, cos, down)]
        knots = tf.random.stateless_normal((count, _KNOTS, _KNOTS, 2), seed + 1, 0.0, elastic)
        bend = tf.image.resize(knots, (height, width), "bicubic")
        from_x = sides[0] * x + sides[1] * y + sides[2] + bend[..., 0]
        from_y = sides[3] * x + sides[4] * y + sides[5] + bend[..., 1]
        changed = _sampled(floats, from_x, from_y)
    else:
        none = tf.zeros_like(cos)
        changed = tf.raw_ops.ImageProjectiveTransformV3(
            images=floats[..., None],
            transforms=tf.stack([cos, -sin, across, sin, cos, down, none, none], axis=1),
            output_shape=(height, width),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )[..., 0]
    return tf.cast(tf.round(changed), tf.uint8)


def _each(amounts: tf.Tensor) -> tf.Tensor:
    return amounts[:, None, None]


def _sampled(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return images [n, h, w] read at x, y [n, h, w], pixels, bilinear; outside is ground."""
    import tensorflow as tf

    count, height, width = images.shape
    row = width + 3  # a frame of ground: one pixel before, two after
    flat = tf.reshape(tf.pad(images, [[0, 0], [1, 2], [1, 2]]), (count, row * (height + 3)))
    x, y = tf.clip_by_value(x + 1, 0.0, width + 1.0), tf.clip_by_value(y + 1, 0.0, height + 1.0)
    left, top = tf.floor(x), tf.floor(y)
    right_part, lower_part = x - left, y - top
    corner = tf.cast(top * row + left, tf.int32)

    def pixels(offset: int) -> tf.Tensor:
        return tf.gather(flat, corner + offset, batch_dims=1)

    upper = pixels(0) * (1 - right_part) + pixels(1) * right_part
    lower = pixels(row) * (1 - right_part) + pixels(row + 1) * right_part
    return upper * (1 - lower_part) + lower * lower_part
