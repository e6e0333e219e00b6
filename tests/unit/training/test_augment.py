"""The plain and the elastic transformation agree where they mean the same."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from crosscloud_mnist.training import augment as module
from crosscloud_mnist.training.augment import augment


def test_an_elastic_distortion_of_almost_zero_is_the_plain_transformation(digits, monkeypatch):
    monkeypatch.setattr(module, "_MAX_SHEAR", 0.0)
    images = tf.constant(digits["train-images-idx3-ubyte"][:64])
    seed = tf.constant([3, 7], tf.int64)
    plain, elastic = augment(images, seed).numpy(), augment(images, seed, 1e-6).numpy()
    assert plain.dtype == elastic.dtype == np.uint8
    np.testing.assert_allclose(elastic.astype(int), plain, atol=1)


def test_every_image_is_distorted_in_its_own_way(digits):
    images = tf.constant(digits["train-images-idx3-ubyte"][:1])
    twice = tf.repeat(images, 2, axis=0)
    first, second = augment(twice, tf.constant([3, 7], tf.int64), 1.0).numpy()
    assert np.abs(first.astype(int) - second).max() > 50


def test_the_channels_of_a_colour_image_are_changed_alike(digits):
    gray = tf.constant(digits["train-images-idx3-ubyte"][:8])
    colour = tf.stack([gray, gray // 2, tf.zeros_like(gray)], axis=-1)
    seed = tf.constant([3, 7], tf.int64)
    for sigma in (0.0, 1.0):
        changed = augment(colour, seed, sigma).numpy()
        np.testing.assert_array_equal(changed[..., 0], augment(gray, seed, sigma).numpy())
        assert changed[..., 1].max() > 100
        assert not changed[..., 2].any()
