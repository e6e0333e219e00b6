"""Training on a slot's GPU: without one it fails, rather than use the CPU silently."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult


def train_on_gpu(
    train: Callable[[TrainingJob], TrainingResult], job: TrainingJob
) -> TrainingResult:
    """Train where TensorFlow sees a GPU.

    Raises:
        ConfigurationError: It sees none.
    """
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        assigned = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise ConfigurationError(
            f"use_gpu is set and TensorFlow sees no GPU on {socket.gethostname()} (assigned: "
            f"{assigned or 'none'}), expected one; install tensorflow[and-cuda] and the driver "
            "there, or set use_gpu to false in the globals"
        )
    return train(job)
