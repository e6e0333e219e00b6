"""The page of ``report``: one HTML file with everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crosscloud_mnist.bundle import LabelledPredictions
from crosscloud_mnist.contract import format_shape
from crosscloud_mnist.pipelines.report.evidence import Evidence
from crosscloud_mnist.pipelines.report.figures import encode_image
from crosscloud_mnist.pipelines.report.messages import (
    LANGUAGE_TAGS,
    both,
    localize,
    number,
    translate,
    translate_name,
)
from crosscloud_mnist.pipelines.report.parameters import ReportParameters
from crosscloud_mnist.promotion.smoke_test_report import ImageRow, SmokeTestReport

_SECTIONS = (
    *("card", "data", "training", "evaluation", "calibration", "robustness"),
    *("gates", "smoke", "lineage", "environment"),
)
_SPLITS = ("train", "validation", "test")
_CARD_SOURCE = "M. Mitchell et al., Model Cards for Model Reporting, doi:10.1145/3287560.3287596"
_CALIBRATION_SOURCE = "C. Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599"


class CaptionedImage(TypedDict):
    """An image of the page.

    Attributes:
        source: PNG as a ``data:`` URI.
        caption: What stands below it.
    """

    source: str
    caption: str


class Latency(TypedDict):
    """The time of the smoke test's requests, in milliseconds.

    Attributes:
        requests: How many.
        median: Of them.
        p95: The 95th percentile.
        longest: Of them.
    """

    requests: int
    median: float
    p95: float
    longest: float


def render_page(
    evidence: Evidence,
    smoke_test: SmokeTestReport,
    figures: Mapping[str, Mapping[str, str]],
    parameters: ReportParameters,
) -> str:
    """Return the page as HTML that refers to nothing outside of it.

    Args:
        evidence: What is known of the version.
        smoke_test: The report of the smoke test.
        figures: By name and language: SVG as a ``data:`` URI.
        parameters: The texts of the model card.
    """
    rows = [*smoke_test["golden"], *smoke_test["images"]]
    tested, classes = evidence.test_predictions, evidence.contract.classes
    latency = measure_latency(rows)
    expected = [row for row in rows if row["expected"] is not None]
    template = _create_environment().get_template("page.html.j2")
    return template.render(
        evidence=evidence,
        shape=format_shape(evidence.contract.image_shape),
        version=evidence.version,
        card=evidence.card,
        promotion=evidence.promotion,
        sections=_SECTIONS,
        splits=_SPLITS,
        text=parameters.model_card,
        card_source=_CARD_SOURCE,
        figures=figures,
        samples=_caption(evidence.examples.samples, classes, "sample"),
        mistakes=_caption(evidence.examples.mistakes, classes, "evaluation_mistake"),
        correct=int((tested.predicted == tested.labels).sum()),
        calibration_source=_CALIBRATION_SOURCE,
        smoke_test=smoke_test,
        rows=rows,
        expected=len(expected),
        as_expected=sum(row["predicted"] == row["expected"] for row in expected),
        latency=latency,
        tiles=_build_tiles(evidence, smoke_test, latency),
        local_ui=_local_ui_command(evidence),
    )


def measure_latency(rows: Sequence[ImageRow]) -> Latency | None:
    """Return the time of the requests; ``None`` where no image was sent."""
    milliseconds = [row["seconds"] * 1000 for row in rows if row["seconds"] is not None]
    if not milliseconds:
        return None
    median, p95, longest = (float(np.percentile(milliseconds, rank)) for rank in (50, 95, 100))
    return Latency(requests=len(milliseconds), median=median, p95=p95, longest=longest)


def _create_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=translate,
        translate_name=translate_name,
        both=both,
        number=number,
        localize=localize,
        language_tags=LANGUAGE_TAGS,
    )
    return environment


def _build_tiles(
    evidence: Evidence, smoke_test: SmokeTestReport, latency: Latency | None
) -> list[tuple[str, Markup]]:
    """Return the figures at the top of the page: keys of their names, and values."""
    gates = evidence.promotion.gates
    passed = sum(gate["passed"] for gate in gates)
    median = translate("milliseconds", value=latency["median"]) if latency else number(None)
    calibration_error = evidence.card["calibration"]["expected_calibration_error"]
    return [
        ("tile_accuracy", number(evidence.card["metrics"]["test_accuracy"], ".2%")),
        ("tile_calibration", number(calibration_error, ".4f")),
        ("tile_gates", Markup("{} / {}").format(passed, len(gates))),
        ("tile_smoke_test", translate("passed" if smoke_test["passed"] else "failed")),
        ("tile_latency", median),
    ]


def _caption(
    predictions: LabelledPredictions, classes: Sequence[str], key: str
) -> list[CaptionedImage]:
    """Return the images with their labels and predictions."""
    return [
        CaptionedImage(
            source=encode_image(image),
            caption=translate(
                key,
                label=classes[label],
                predicted=classes[int(probabilities.argmax())],
                probability=float(probabilities.max()),
            ),
        )
        for image, label, probabilities in zip(
            predictions.images, predictions.labels, predictions.probabilities, strict=True
        )
    ]


def _local_ui_command(evidence: Evidence) -> str | None:
    """Return the command that shows runs of a store without a server; ``None`` for a server."""
    store = evidence.version.tags.get("source_workspace", "")
    return f"mlflow ui --backend-store-uri {store}" if store.startswith("sqlite:") else None
