"""Small, seeded changes to training images: rotation, scale, shear, shift, elastic distortion."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_MAX_ROTATION = 0.17  # radians, about 10 degrees
_MAX_SCALING = 0.1
_MAX_SHIFT = 2.0  # pixels
_MAX_SHEAR = 0.1  # pixels across for each pixel down; of elastic images
_KNOTS = 5  # of the elastic displacement, in each direction


def augment(images: tf.Tensor, seed: tf.Tensor, elastic_sigma: float = 0.0) -> tf.Tensor:
    """Rotate, scale, shift, and with ``elastic_sigma`` distort every image by its own amounts.

    Elastic distortions are those of Simard et al. 2003, "Best practices for convolutional neural
    networks applied to visual document analysis"; the smooth field comes from a coarse grid.

    Args:
        images: [n, h, w], or [n, h, w, 3] in colour; uint8; what comes in from outside is 0.
        seed: [2], int64: the same seed gives the same images.
        elastic_sigma: Standard deviation of the displacement at the grid's knots, pixels.

    Returns:
        The changed images, of the same shape, uint8.
    """
    import tensorflow as tf

    count, height, width, *channels = images.shape
    drawn = tf.random.stateless_uniform((5, count), seed, -1.0, 1.0)
    angle, scale = _MAX_ROTATION * drawn[0], 1 + _MAX_SCALING * drawn[1]
    shear = (_MAX_SHEAR if elastic_sigma else 0.0) * drawn[4]
    cos, sin = tf.cos(angle) * scale, tf.sin(angle) * scale
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    offset_x = centre_x - cos * centre_x + (sin - shear) * centre_y + _MAX_SHIFT * drawn[2]
    offset_y = centre_y - sin * centre_x - cos * centre_y + _MAX_SHIFT * drawn[3]
    floats = tf.cast(images, tf.float32)
    if elastic_sigma:
        x, y = tf.range(float(width))[None, None, :], tf.range(float(height))[None, :, None]
        row_x = [_per_image(amounts) for amounts in (cos, shear - sin, offset_x)]
        row_y = [_per_image(amounts) for amounts in (sin, cos, offset_y)]
        knots = tf.random.stateless_normal((count, _KNOTS, _KNOTS, 2), seed + 1, 0.0, elastic_sigma)
        displacement = tf.image.resize(knots, (height, width), "bicubic")
        from_x = row_x[0] * x + row_x[1] * y + row_x[2] + displacement[..., 0]
        from_y = row_y[0] * x + row_y[1] * y + row_y[2] + displacement[..., 1]
        changed = _sample_bilinear(floats, from_x, from_y)
    else:
        zeros = tf.zeros_like(cos)
        changed = tf.raw_ops.ImageProjectiveTransformV3(
            images=floats if channels else floats[..., None],
            transforms=tf.stack([cos, -sin, offset_x, sin, cos, offset_y, zeros, zeros], axis=1),
            output_shape=(height, width),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        changed = tf.reshape(changed, images.shape)
    return tf.cast(tf.round(changed), tf.uint8)


def _per_image(amounts: tf.Tensor) -> tf.Tensor:
    return amounts[:, None, None]


def _sample_bilinear(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Return the images read at x, y [n, h, w], in pixels, bilinear; 0 outside."""
    import tensorflow as tf

    count, height, width, *channels = images.shape
    row = width + 3  # a margin of background: one pixel before, two after
    margins = [[0, 0], [1, 2], [1, 2], *([0, 0] for _ in channels)]
    flat = tf.reshape(tf.pad(images, margins), (count, row * (height + 3), *channels))
    x, y = tf.clip_by_value(x + 1, 0.0, width + 1.0), tf.clip_by_value(y + 1, 0.0, height + 1.0)
    left, top = tf.floor(x), tf.floor(y)
    right_weight, lower_weight = x - left, y - top
    corner = tf.cast(top * row + left, tf.int32)
    if channels:
        right_weight, lower_weight = right_weight[..., None], lower_weight[..., None]

    def pixels(offset: int) -> tf.Tensor:
        return tf.gather(flat, corner + offset, batch_dims=1)

    upper = pixels(0) * (1 - right_weight) + pixels(1) * right_weight
    lower = pixels(row) * (1 - right_weight) + pixels(row + 1) * right_weight
    return upper * (1 - lower_weight) + lower * lower_weight
