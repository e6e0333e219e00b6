"""Figures of ``report``, as SVG, in each language of the page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscloud_mnist.bundle import ModelCard, TestPredictions
from crosscloud_mnist.drawing import Figure
from crosscloud_mnist.monitoring import figures
from crosscloud_mnist.pipelines.report.evidence import Evidence
from crosscloud_mnist.pipelines.report.messages import LANGUAGES, localize

Label = Callable[[str], str]


def draw_figures(evidence: Evidence) -> dict[str, dict[str, str]]:
    """Draw the figures of the page.

    Returns:
        By name and language: SVG as a ``data:`` URI.
    """
    card, tested = evidence.card, evidence.test_predictions
    return {
        "learning_curves": _in_each_language(lambda label: _draw_learning_curves(card, label)),
        "confusion_matrix": _in_each_language(
            lambda label: _draw_confusion_matrix(tested, evidence.contract.classes, label)
        ),
        "reliability": _in_each_language(lambda label: _draw_reliability(card, label)),
    }


def _draw_learning_curves(card: ModelCard, label: Label) -> Figure:
    return figures.draw_learning_curves(
        card["history"],
        epoch=label("axis_epoch"),
        metrics={"loss": label("axis_loss"), "accuracy": label("axis_accuracy")},
        splits=(label("data_train"), label("data_validation")),
    )


def _draw_confusion_matrix(
    tested: TestPredictions, classes: tuple[str, ...], label: Label
) -> Figure:
    return figures.draw_confusion_matrix(
        tested.labels,
        tested.predicted,
        classes,
        xlabel=label("axis_predicted"),
        ylabel=label("axis_label"),
    )


def _draw_reliability(card: ModelCard, label: Label) -> Figure:
    return figures.draw_reliability(
        card["calibration"],
        confidence=label("axis_confidence"),
        accuracy=label("axis_accuracy"),
        images=label("axis_images"),
        ideal=label("axis_ideal"),
    )


def _in_each_language(draw: Callable[[Label], Figure]) -> dict[str, str]:
    drawn = {language: draw(partial(localize, language=language)) for language in LANGUAGES}
    _write_decimal_commas(drawn["pt"])
    return {language: _to_svg(figure) for language, figure in drawn.items()}


def _write_decimal_commas(figure: Figure) -> None:
    from matplotlib.ticker import ScalarFormatter

    class CommaFormatter(ScalarFormatter):
        def __call__(self, value: float, position: int | None = None) -> str:
            return super().__call__(value, position).replace(".", ",")

        def get_offset(self) -> str:
            return super().get_offset().replace(".", ",")

    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        if isinstance(axis.get_major_formatter(), ScalarFormatter):
            axis.set_major_formatter(CommaFormatter())


def encode_image(image: NDArray[np.uint8]) -> str:
    """Return an image of the model's input as PNG in a ``data:`` URI."""
    content = BytesIO()
    Image.fromarray(image).save(content, format="png")
    return _to_data_uri("image/png", content.getvalue())


def _to_svg(figure: Figure) -> str:
    from matplotlib import rc_context

    content = BytesIO()
    # Text stays text, and the same figure is the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return _to_data_uri("image/svg+xml", content.getvalue())


def _to_data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
