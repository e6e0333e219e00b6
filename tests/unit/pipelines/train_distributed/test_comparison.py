"""Which of several models goes on, and the jobs that a grid makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.pipelines.train_distributed.comparison import best_of, compare
from crosscloud_mnist.pipelines.train_distributed.figures import draw_comparison
from crosscloud_mnist.pipelines.train_distributed.jobs import build_jobs
from crosscloud_mnist.training.job import settings_of
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult

EPOCH = EpochMetrics(1, 2, 0.5, 0.9, 0.4, 0.95, 0.001, 1.5, 100.0)


def result(*validation):
    history = tuple(
        replace(EPOCH, epoch=number, val_accuracy=accuracy, val_loss=loss)
        for number, (accuracy, loss) in enumerate(validation, 1)
    )
    return TrainingResult((np.zeros(1, np.float32),), history, ())


def test_the_best_is_chosen_on_validation_at_the_end():
    early = result((0.99, 0.1), (0.90, 0.3))
    better = result((0.50, 0.9), (0.95, 0.5))
    surer = result((0.50, 0.9), (0.95, 0.4))
    diverged = result((0.99, 0.1), (0.99, float("nan")))
    assert best_of([early, better, surer, diverged]) == 2
    assert best_of([diverged, early]) == 1
    rows = compare([{"global_batch_size": 64}, {"global_batch_size": 128}], [early, surer], 1)
    assert [row["settings"] for row in rows] == ["global_batch_size=64", "global_batch_size=128"]
    assert [row["chosen"] for row in rows] == [False, True]
    assert rows[1]["val_accuracy_by_epoch"] == [0.50, 0.95]
    assert rows[1]["seconds"] == 3.0
    curves, ends = draw_comparison(rows).axes
    assert len(curves.lines) == len(ends.patches) == 2
    assert [label.get_text() for label in ends.get_yticklabels()] == [
        "global_batch_size=64",
        "global_batch_size=128 (chosen)",
    ]


def jobs(job, grid, mode="custom"):
    return build_jobs(settings_of(job), grid, mode, "records", job.train, job.validation)


def test_a_grid_makes_plans_with_records_of_their_own(job):
    first, second = jobs(job, {"learning_rate": [0.1, 0.2]})
    assert (first.learning_rate, second.learning_rate) == (0.1, 0.2)
    assert (first.checkpoint_dir, second.checkpoint_dir) == ("records/01", "records/02")
    assert first.train == second.train == job.train


@pytest.mark.parametrize(
    ("grid", "mode"), [(None, "custom"), ({"global_batch_size": [8, 16]}, "distributed")]
)
def test_one_plan_where_there_is_nothing_to_try(job, grid, mode):
    assert jobs(job, grid, mode) == (replace(job, checkpoint_dir="records"),)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"global_batch_size": [64, 30]}, "a batch of 30 cannot be drawn evenly"),
        ({"optimizer": ["adam", "lion"]}, "train_distributed.grid.optimizer: found 'lion'"),
        ([{"global_batch_size": 64}, {"rate": 1}], "train_distributed has no setting rate"),
    ],
)
def test_a_setting_that_cannot_be_trained_is_said_before_any_is(job, grid, said):
    with pytest.raises(ConfigurationError, match=said):
        jobs(job, grid)
