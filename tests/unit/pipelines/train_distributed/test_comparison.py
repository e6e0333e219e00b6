"""Which of several models is exported, and how they are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crosscloud_mnist.pipelines.train_distributed.comparison import compare, find_best
from crosscloud_mnist.pipelines.train_distributed.figures import draw_comparison
from crosscloud_mnist.pipelines.train_distributed.trials import Trial
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult

EPOCH = EpochMetrics(1, 2, 0.5, 0.9, 0.4, 0.95, 0.001, 1.5, 100.0)


def result(*validation):
    history = tuple(
        replace(EPOCH, epoch=number, val_accuracy=accuracy, val_loss=loss)
        for number, (accuracy, loss) in enumerate(validation, 1)
    )
    return TrainingResult((np.zeros(1, np.float32),), history, ())


def test_the_best_on_validation_is_selected_and_compared(job):
    early = result((0.99, 0.1), (0.90, 0.3))
    accurate = result((0.50, 0.9), (0.95, 0.5))
    certain = result((0.50, 0.9), (0.95, 0.4))
    diverged = result((0.99, 0.1), (0.99, float("nan")))
    assert find_best([early, accurate, certain, diverged]) == 2
    assert find_best([diverged, early]) == 1
    trials = [Trial({"global_batch_size": size}, job) for size in (64, 128)]
    rows = compare(trials, [early, certain], 1)
    assert [row["name"] for row in rows] == ["global_batch_size=64", "global_batch_size=128"]
    assert [row["settings"] for row in rows] == [
        {"global_batch_size": 64},
        {"global_batch_size": 128},
    ]
    assert [row["selected"] for row in rows] == [False, True]
    assert rows[1]["val_accuracy_by_epoch"] == [0.50, 0.95]
    assert rows[1]["seconds"] == 3.0
    curves, ends = draw_comparison(rows).axes
    assert len(curves.lines) == len(ends.patches) == 2
    assert [label.get_text() for label in ends.get_yticklabels()] == [
        "global_batch_size=64",
        "global_batch_size=128 (selected)",
    ]
