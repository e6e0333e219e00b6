"""What a report tells: of a small signed bundle, in a registry that has it in production."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from crosscloud_mnist.bundle import (
    Bundle,
    BundleContents,
    Signer,
    Verifier,
    write,
)
from crosscloud_mnist.pipelines.report.evidence import Evidence, gather_evidence
from crosscloud_mnist.pipelines.report.parameters import ReportParameters
from crosscloud_mnist.promotion.smoke_test_report import ImageRow, SmokeTestReport
from tests.unit.pipelines.report.production_registry import PRODUCTION, ProductionRegistry

CONF = Path(__file__).parents[4] / "conf" / "base"


@pytest.fixture(scope="session")
def reported_bundle(
    reported_contents: BundleContents, signer: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    return write(reported_contents, tmp_path_factory.mktemp("reported") / "bundle", signer)


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
