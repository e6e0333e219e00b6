"""Several trained models side by side, and which of them goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from crosscloud_mnist.training.grid import name_of
from crosscloud_mnist.training.result import TrainingResult

Row = dict[str, Any]


def best_of(results: Sequence[TrainingResult]) -> int:
    """Return the index of the model with the highest accuracy on validation.

    A tie goes to the lower validation loss. A model whose loss is no number comes last.
    """

    def rank(index: int) -> tuple[bool, float, float]:
        taken = results[index].taken
        return math.isfinite(taken.val_loss), taken.val_accuracy, -taken.val_loss

    return max(range(len(results)), key=rank)


def compare(
    changes: Sequence[Mapping[str, Any]], results: Sequence[TrainingResult], best: int
) -> list[Row]:
    """Return a row for each model: what was changed, and what came of it.

    Args:
        changes: What each changes of the recipe.
        results: What each gave.
        best: Index of the one that goes on.

    Returns:
        Rows of ``settings``, the changed values under their own names, ``val_accuracy``,
        ``val_loss``, ``accuracy``, ``loss``, ``seconds`` of all epochs,
        ``val_accuracy_by_epoch`` and ``chosen``.
    """
    return [
        {
            "settings": name_of(changed),
            **changed,
            "val_accuracy": result.taken.val_accuracy,
            "val_loss": result.taken.val_loss,
            "accuracy": result.taken.accuracy,
            "loss": result.taken.loss,
            "seconds": sum(epoch.seconds for epoch in result.history),
            "val_accuracy_by_epoch": [epoch.val_accuracy for epoch in result.history],
            "chosen": index == best,
        }
        for index, (changed, result) in enumerate(zip(changes, results, strict=True))
    ]
