"""Small, seeded changes to training pictures: a turn, a scale, a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_TURN = 0.17  # radians, about 10 degrees
_SCALE = 0.1
_SHIFT = 2.0  # pixels


def augment(pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turn, scale and shift every picture by its own random amounts.

    Args:
        pictures: [n, h, w], uint8, on a ground of 0.
        seed: [2], int64: the same seed gives the same pictures.

    Returns:
        [n, h, w], uint8.
    """
    import tensorflow as tf

    count, height, width = pictures.shape
    drawn = tf.random.stateless_uniform((4, count), seed, -1.0, 1.0)
    turn, scale = _TURN * drawn[0], 1 + _SCALE * drawn[1]
    cos, sin = tf.cos(turn) * scale, tf.sin(turn) * scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    across = middle_x - cos * middle_x + sin * middle_y + _SHIFT * drawn[2]
    down = middle_y - sin * middle_x - cos * middle_y + _SHIFT * drawn[3]
    none = tf.zeros_like(cos)
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(pictures, tf.float32)[..., None],
        transforms=tf.stack([cos, -sin, across, sin, cos, down, none, none], axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.cast(tf.round(changed[..., 0]), tf.uint8)
