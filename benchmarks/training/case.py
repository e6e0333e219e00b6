"""The certification case's own ``train()``, on Keras 3; only the source of its data was changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

BUFFER_SIZE = 10_000
BATCH_SIZE = 64
LEARNING_RATE = 0.001


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    *,
    optimizer: str = "sgd",
    epochs: int = 50,
    steps_per_epoch: int = 100,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train the case's CNN as its notebook does.

    Args:
        images: [n, 28, 28].
        labels: [n].
        optimizer: ``sgd`` or ``adam``.
        epochs: As published, 50.
        steps_per_epoch: As published, 100.
        callbacks: To look on.
    """
    import tensorflow as tf

    dataset: Any = tf.data.Dataset.from_tensor_slices(
        (
            tf.cast(images[..., np.newaxis] / 255.0, tf.float32),
            tf.cast(labels, tf.int64),
        )
    )
    dataset = dataset.repeat().shuffle(BUFFER_SIZE).batch(BATCH_SIZE)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    dataset = dataset.with_options(options)
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Input((28, 28, 1)),
            tf.keras.layers.Conv2D(32, 3, activation="relu"),
            tf.keras.layers.Conv2D(32, 3, activation="relu"),
            tf.keras.layers.Conv2D(32, 3, activation="relu"),
            tf.keras.layers.MaxPooling2D(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        loss=tf.keras.losses.sparse_categorical_crossentropy,
        optimizer={"sgd": tf.keras.optimizers.SGD, "adam": tf.keras.optimizers.Adam}[optimizer](
            learning_rate=LEARNING_RATE
        ),
        metrics=["accuracy"],
    )
    model.fit(
        dataset,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        verbose=0,
        callbacks=list(callbacks),
    )
    return model
