"""Figures of ``train_distributed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.drawing import Figure, create_figure
from crosscloud_mnist.monitoring import figures
from crosscloud_mnist.pipelines.train_distributed.comparison import ComparisonRow
from crosscloud_mnist.pipelines.train_distributed.evaluation import Predictions

_MAX_NAME_WIDTH = 36  # characters


def draw_learning_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw loss and accuracy by epoch, of training and validation."""
    return figures.draw_learning_curves(
        history,
        epoch="epoch",
        metrics={"loss": "cross-entropy, nats", "accuracy": "accuracy"},
        splits=("training", "validation"),
    )


def draw_comparison(comparison: Sequence[ComparisonRow]) -> Figure:
    """Draw the validation accuracy of each model, by epoch and at the end."""
    names = [
        fill(f"{row['name'] or 'the recipe'}{_mark(row)}", _MAX_NAME_WIDTH) for row in comparison
    ]
    lines = max(name.count("\n") + 2 for name in names)
    figure = create_figure(width=13, height=max(3.6, 0.22 * lines * len(names)))
    curves, ends = figure.subplots(1, 2)
    for position, row in enumerate(comparison):
        accuracies = row["val_accuracy_by_epoch"]
        style = {"linewidth": 3.0} if row["selected"] else {"linewidth": 1.2, "alpha": 0.8}
        curves.plot(range(1, len(accuracies) + 1), accuracies, color=f"C{position % 10}", **style)
        bar = ends.barh(position, row["val_accuracy"], color=f"C{position % 10}")
        weight = "bold" if row["selected"] else "normal"
        ends.bar_label(bar, fmt="%.4f", label_type="center", fontweight=weight)
    curves.set(xlabel="epoch", ylabel="validation accuracy")
    curves.locator_params(axis="x", integer=True)
    curves.grid(alpha=0.3)
    ends.set(xlabel="validation accuracy at the end", xlim=(0, 1))
    ends.set_yticks(range(len(names)), names)
    ends.invert_yaxis()
    return figure


def _mark(row: ComparisonRow) -> str:
    return " (selected)" if row["selected"] else ""


def draw_confusion_matrix(predictions: Predictions, contract: Contract) -> Figure:
    """Draw how often each class of the test set was predicted as which."""
    labels, predicted = predictions["labels"], predictions["probabilities"].argmax(axis=1)
    figure = figures.draw_confusion_matrix(
        labels, predicted, contract.classes, xlabel="predicted", ylabel="label"
    )
    accuracy = (predicted == labels).mean()
    title = f"Test set: {accuracy:.2%} of {len(labels):,} predicted correctly"
    figure.axes[0].set_title(title)
    return figure
