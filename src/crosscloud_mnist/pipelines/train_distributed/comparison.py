"""Several trained models side by side, and which of them is exported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

from crosscloud_mnist.pipelines.train_distributed.trials import Trial
from crosscloud_mnist.training.config import Setting
from crosscloud_mnist.training.result import TrainingResult


class ComparisonRow(TypedDict):
    """One trained model, as JSON.

    Attributes:
        name: What it changes of the recipe, in one line.
        settings: The same by name.
        val_accuracy: Of the exported weights, 0 to 1.
        val_loss: Of the same, nats.
        accuracy: On training images, 0 to 1, in the same epoch.
        loss: On training images, nats, in the same epoch.
        seconds: Of all epochs.
        val_accuracy_by_epoch: 0 to 1.
        selected: Whether it is the one that is exported.
    """

    name: str
    settings: dict[str, Setting]
    val_accuracy: float
    val_loss: float
    accuracy: float
    loss: float
    seconds: float
    val_accuracy_by_epoch: list[float]
    selected: bool


def find_best(results: Sequence[TrainingResult]) -> int:
    """Return the index of the model with the highest validation accuracy.

    Of equal ones it is the one with the lowest validation loss. A model whose loss is not a number
    comes last.
    """

    def rank(index: int) -> tuple[bool, float, float]:
        metrics = results[index].selected
        return math.isfinite(metrics.val_loss), metrics.val_accuracy, -metrics.val_loss

    return max(range(len(results)), key=rank)


def compare(
    trials: Sequence[Trial], results: Sequence[TrainingResult], best: int
) -> list[ComparisonRow]:
    """Return a row for each model: what it changes, and its metrics.

    Args:
        trials: What was trained.
        results: The result of each.
        best: Index of the one that is exported.
    """
    return [
        ComparisonRow(
            name=trial.name,
            settings=dict(trial.changes),
            val_accuracy=result.selected.val_accuracy,
            val_loss=result.selected.val_loss,
            accuracy=result.selected.accuracy,
            loss=result.selected.loss,
            seconds=sum(epoch.seconds for epoch in result.history),
            val_accuracy_by_epoch=[epoch.val_accuracy for epoch in result.history],
            selected=index == best,
        )
        for index, (trial, result) in enumerate(zip(trials, results, strict=True))
    ]
