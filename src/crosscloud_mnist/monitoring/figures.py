"""Figures of a model's quality. The caller gives the texts: the report has two languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.drawing import Figure, create_figure
from crosscloud_mnist.monitoring.calibration import Calibration


def draw_learning_curves(
    history: Sequence[Mapping[str, float]],
    *,
    epoch: str,
    metrics: Mapping[str, str],
    splits: tuple[str, str],
) -> Figure:
    """Draw metrics by epoch, of training and validation.

    Args:
        history: The metrics of each epoch; those of validation begin with ``val_``.
        epoch: Name of the horizontal axis.
        metrics: Names of the vertical axes, by metric.
        splits: Names of the training and the validation set.
    """
    figure = create_figure(width=9, height=3.6)
    epochs = [row["epoch"] for row in history]
    for axes, (name, label) in zip(figure.subplots(1, len(metrics)), metrics.items(), strict=True):
        axes.plot(epochs, [row[name] for row in history], label=splits[0])
        axes.plot(epochs, [row[f"val_{name}"] for row in history], label=splits[1])
        axes.set(xlabel=epoch, ylabel=label)
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def draw_confusion_matrix(
    labels: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    classes: Sequence[object],
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw how often each class was predicted as which.

    Args:
        labels: [n], indices of classes.
        predicted: [n], indices of classes.
        classes: Their names.
        xlabel: Name of the axis of predictions.
        ylabel: Name of the axis of labels.
    """
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, predicted), 1)
    figure = create_figure(width=6, height=5.6)
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)  # the root shows the rare mistakes
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if share[row, column] > 0.4 else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    positions = range(len(classes))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(positions, [str(name) for name in classes])
    axes.set_yticks(positions, [str(name) for name in classes])
    return figure


def draw_reliability(
    calibration: Calibration, *, confidence: str, accuracy: str, images: str, ideal: str
) -> Figure:
    """Draw the reliability diagram, and the number of images in each bin.

    Args:
        calibration: What to draw.
        confidence: Name of the horizontal axis.
        accuracy: Name of the vertical axis of the diagram.
        images: Name of the vertical axis of the counts.
        ideal: Name of the diagonal.
    """
    bins = calibration["bins"]
    edges = np.linspace(0, 1, len(bins) + 1)
    figure = create_figure(width=6, height=5)
    diagram, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [(edge, row) for edge, row in zip(edges[:-1], bins, strict=True) if row["images"]]
    lefts = [edge for edge, _ in filled]
    width = edges[1]
    diagram.bar(lefts, [row["accuracy"] for _, row in filled], width, align="edge", alpha=0.75)
    diagram.plot([0, 1], [0, 1], color="black", linestyle="--", label=ideal)
    diagram.set(ylabel=accuracy, xlim=(0, 1), ylim=(0, 1))
    diagram.grid(alpha=0.3)
    diagram.legend(loc="upper left")
    counts.bar(lefts, [row["images"] for _, row in filled], width, align="edge", color="0.45")
    counts.set(xlabel=confidence, ylabel=images, yscale="log")
    counts.grid(alpha=0.3)
    return figure
