"""Several trained models side by side, and which of them goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from crosscloud_mnist.training.grid import name_of
from crosscloud_mnist.training.plan import Outcome

Row = dict[str, Any]


def best_of(outcomes: Sequence[Outcome]) -> int:
    """Return the index of the model with the highest accuracy on validation.

    A tie goes to the lower validation loss. A model whose loss is no number comes last.
    """

    def rank(index: int) -> tuple[bool, float, float]:
        taken = outcomes[index].taken
        return math.isfinite(taken.val_loss), taken.val_accuracy, -taken.val_loss

    return max(range(len(outcomes)), key=rank)


def compare(
    changes: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome], best: int
) -> list[Row]:
    """Return a row for each model: what was changed, and what came of it.

    Args:
        changes: What each changes of the recipe.
        outcomes: What each gave.
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
            "val_accuracy": outcome.taken.val_accuracy,
            "val_loss": outcome.taken.val_loss,
            "accuracy": outcome.taken.accuracy,
            "loss": outcome.taken.loss,
            "seconds": sum(epoch.seconds for epoch in outcome.history),
            "val_accuracy_by_epoch": [epoch.val_accuracy for epoch in outcome.history],
            "chosen": index == best,
        }
        for index, (changed, outcome) in enumerate(zip(changes, outcomes, strict=True))
    ]
