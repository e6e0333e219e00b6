"""Which test images a bundle carries for the report."""

from __future__ import annotations

import numpy as np

from crosscloud_mnist.pipelines.train_distributed.evaluation import Predictions
from crosscloud_mnist.pipelines.train_distributed.examples import select_examples


def test_samples_are_the_same_number_of_every_class_and_mistakes_come_worst_first():
    labels = np.tile(np.arange(3, dtype=np.uint8), 10)
    probabilities = np.full((30, 3), 0.1, np.float32)
    probabilities[np.arange(30), labels] = 0.8
    probabilities[4] = (0.7, 0.2, 0.1)  # label 1
    probabilities[8] = (0.9, 0.1, 0.0)  # label 2
    images = np.broadcast_to(np.arange(30, dtype=np.uint8)[:, None, None], (30, 28, 28))
    predictions = Predictions(labels=labels, probabilities=probabilities, sha256=np.array("ab"))
    examples = select_examples((images, labels), predictions)
    assert examples.samples.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert examples.samples.images[:3, 0, 0].tolist() == [0, 3, 6]
    assert examples.mistakes.images[:, 0, 0].tolist() == [8, 4]
    assert examples.mistakes.labels.tolist() == [2, 1]
