"""The exported epoch and the end of training follow from the validation loss."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from crosscloud_mnist.training.early_stopping import is_finished, select_best_epoch
from crosscloud_mnist.training.result import EpochMetrics


def history(*figures: tuple[float, float]) -> list[EpochMetrics]:
    return [
        EpochMetrics(number, 9, 0.5, 0.9, loss, accuracy, 0.001, 1.5, 100.0)
        for number, (accuracy, loss) in enumerate(figures, 1)
    ]


@pytest.mark.parametrize(
    ("figures", "number"),
    [
        ([(0.9, 0.3), (0.94, 0.2), (0.95, 0.4)], 2),
        ([(0.9, 0.3), (0.9, 0.3)], 1),
        ([(0.1, math.nan), (0.9, 0.3), (0.1, math.nan)], 2),
    ],
)
def test_the_best_epoch_is_the_first_of_the_lowest_loss(figures, number):
    assert select_best_epoch(history(*figures)).epoch == number


@pytest.mark.parametrize(
    ("patience", "losses", "finished"),
    [
        (None, [0.3, 0.4, 0.5], False),
        (1, [], False),
        (1, [0.3], False),
        (1, [0.3, 0.4], True),
        (2, [0.3, 0.4], False),
        (2, [0.3, 0.4, 0.2], False),
        (2, [0.3, 0.4, 0.3], True),
        (None, [0.3] * 4, True),
    ],
)
def test_training_stops_after_patience_epochs_without_improvement(job, patience, losses, finished):
    config = replace(job.config, epochs=4, patience=patience)
    figures = [(0.9, loss) for loss in losses]
    assert is_finished(config, history(*figures)) is finished
