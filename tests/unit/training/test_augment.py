"""Both ways to move images draw them the same where they are asked for the same."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from crosscloud_mnist.training import augment as module
from crosscloud_mnist.training.augment import augment


def test_a_bend_of_almost_nothing_is_the_plain_change(digits, monkeypatch):
    monkeypatch.setattr(module, "_SLANT", 0.0)
    images = tf.constant(digits["train-images-idx3-ubyte"][:64])
    seed = tf.constant([3, 7], tf.int64)
    plain, bent = augment(images, seed).numpy(), augment(images, seed, 1e-6).numpy()
    assert plain.dtype == bent.dtype == np.uint8
    np.testing.assert_allclose(bent.astype(int), plain, atol=1)


def test_images_are_bent_each_its_own_way(digits):
    images = tf.constant(digits["train-images-idx3-ubyte"][:1])
    twice = tf.repeat(images, 2, axis=0)
    first, second = augment(twice, tf.constant([3, 7], tf.int64), 1.0).numpy()
    assert np.abs(first.astype(int) - second).max() > 50
