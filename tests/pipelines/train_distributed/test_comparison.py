"""Which of several models goes on, and the plans that a grid makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.pipelines.train_distributed.comparison import best_of, compare
from crosscloud_mnist.pipelines.train_distributed.figures import draw_comparison
from crosscloud_mnist.pipelines.train_distributed.plans import make_plans
from crosscloud_mnist.training.plan import Epoch, Outcome, settings_of

EPOCH = Epoch(1, 2, 0.5, 0.9, 0.4, 0.95, 0.001, 1.5, 100.0)


def outcome(*validation):
    history = tuple(
        replace(EPOCH, number=number, val_accuracy=accuracy, val_loss=loss)
        for number, (accuracy, loss) in enumerate(validation, 1)
    )
    return Outcome((np.zeros(1, np.float32),), history, ())


def test_the_best_is_chosen_on_validation_at_the_end():
    early = outcome((0.99, 0.1), (0.90, 0.3))
    better = outcome((0.50, 0.9), (0.95, 0.5))
    surer = outcome((0.50, 0.9), (0.95, 0.4))
    diverged = outcome((0.99, 0.1), (0.99, float("nan")))
    assert best_of([early, better, surer, diverged]) == 2
    assert best_of([diverged, early]) == 1
    rows = compare([{"batch": 64}, {"batch": 128}], [early, surer], 1)
    assert [row["settings"] for row in rows] == ["batch=64", "batch=128"]
    assert [row["chosen"] for row in rows] == [False, True]
    assert rows[1]["val_accuracy_by_epoch"] == [0.50, 0.95]
    assert rows[1]["seconds"] == 3.0
    curves, ends = draw_comparison(rows).axes
    assert len(curves.lines) == len(ends.patches) == 2
    assert [label.get_text() for label in ends.get_yticklabels()] == [
        "batch=64",
        "batch=128 (chosen)",
    ]


def plans(plan, grid, mode="custom"):
    return make_plans(settings_of(plan), grid, mode, "records", plan.train, plan.validation)


def test_a_grid_makes_plans_with_records_of_their_own(plan):
    first, second = plans(plan, {"learning_rate": [0.1, 0.2]})
    assert (first.learning_rate, second.learning_rate) == (0.1, 0.2)
    assert (first.records, second.records) == ("records/01", "records/02")
    assert first.train == second.train == plan.train


@pytest.mark.parametrize(("grid", "mode"), [(None, "custom"), ({"batch": [8, 16]}, "distributed")])
def test_one_plan_where_there_is_nothing_to_try(plan, grid, mode):
    assert plans(plan, grid, mode) == (replace(plan, records="records"),)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"batch": [64, 30]}, "a batch of 30 cannot be drawn evenly"),
        ({"optimizer": ["adam", "lion"]}, "train_distributed.grid.optimizer: found 'lion'"),
        ([{"batch": 64}, {"rate": 1}], "train_distributed has no setting rate"),
    ],
)
def test_a_setting_that_cannot_be_trained_is_said_before_any_is(plan, grid, said):
    with pytest.raises(ConfigurationError, match=said):
        plans(plan, grid)
