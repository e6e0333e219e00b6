"""What a report tells: of a small signed bundle, in a registry that has it in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

from crosscloud_mnist.bundle import (
    Bundle,
    BundleContents,
    Examples,
    LabelledPredictions,
    Signer,
    Verifier,
    predict,
    write,
)
from crosscloud_mnist.monitoring import measure_calibration
from crosscloud_mnist.pipelines.report.evidence import Evidence, gather_evidence
from crosscloud_mnist.pipelines.report.parameters import ReportParameters
from crosscloud_mnist.promotion.smoke_test_report import ImageRow, SmokeTestReport
from tests.unit.pipelines.report.production_registry import PRODUCTION, ProductionRegistry

CONF = Path(__file__).parents[4] / "conf" / "base"


@pytest.fixture(scope="session")
def reported_bundle(
    tiny_contents: BundleContents,
    tiny_bundle: Bundle,
    digits: Mapping[str, NDArray[np.uint8]],
    signer: Signer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Bundle:
    """The small bundle with what training records for the report."""
    images, labels = digits["t10k-images-idx3-ubyte"][:20], digits["t10k-labels-idx1-ubyte"][:20]
    probabilities = predict(tiny_bundle, images)
    split = {"images": 20, "per_class": [2] * 10, "mean_pixel": 33.25, "sha256": "ab" * 32}
    examples = Examples(
        samples=LabelledPredictions(images[:4], labels[:4], probabilities[:4]),
        mistakes=LabelledPredictions(images[4:6], labels[4:6], probabilities[4:6]),
    )
    epoch = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9, "seconds": 1.5}
    card = {
        **tiny_contents.card,
        "settings": {"model": "baseline", "epochs": 2},
        "worker_reports": [{"rank": 0, "images": 1234}],
        "libraries": {"keras": "3.15.0"},
        "splits": {"train": split, "validation": split, "test": split},
        "history": [{**epoch, "epoch": number} for number in (1, 2)],
        "calibration": measure_calibration(probabilities, labels),
        "run": {"id": "run-1", "url": "https://sandbox/runs/run-1"},
    }
    contents = replace(tiny_contents, card=card, examples=examples)
    return write(contents, tmp_path_factory.mktemp("reported") / "bundle", signer)


@pytest.fixture
def registry(reported_bundle: Bundle) -> ProductionRegistry:
    return ProductionRegistry(reported_bundle)


@pytest.fixture
def evidence(registry: ProductionRegistry, verifier: Verifier) -> Evidence:
    return gather_evidence(registry, verifier, registry.version, PRODUCTION)


@pytest.fixture
def smoke_test(reported_bundle: Bundle) -> SmokeTestReport:
    def row(file: str, expected: int | None, predicted: int, seconds: float) -> ImageRow:
        return ImageRow(
            file=file,
            expected=expected,
            expected_class=None if expected is None else str(expected),
            predicted=predicted,
            predicted_class=str(predicted),
            probability=0.9,
            seconds=seconds,
            error=None,
        )

    return SmokeTestReport(
        endpoint="http://127.0.0.1:8501/invocations",
        name="mnist_cnn",
        model_version="2",
        digest=reported_bundle.digest,
        passed=True,
        endpoints=[],
        digest_mismatch=None,
        images=[row("<b>.png", None, 3, 0.004)],
        golden=[row("golden-00-7", 7, 7, 0.002), row("golden-01-1", 1, 1, 0.003)],
    )


@pytest.fixture
def parameters() -> ReportParameters:
    """The parameters of ``conf/base``."""
    values = yaml.safe_load((CONF / "parameters_report.yml").read_text(encoding="utf-8"))
    return TypeAdapter(ReportParameters).validate_python(values["report"])
