"""A Keras model of one's own."""

import keras
from keras import layers


def small_cnn(image_shape: tuple[int, int, int], class_count: int) -> keras.Model:
    """Return a model of images [n, height, width, channels], 0 to 1, that returns logits."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(class_count),
        ]
    )
