"""What the report tells, from the verified bundle, the registry's ledger and the smoke test."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import (
    Bundle,
    Examples,
    ModelCard,
    TestPredictions,
    Verifier,
    predict,
)
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import BundleError, ImageError, RegistryError, SmokeTestError
from crosscloud_mnist.ports import ModelVersion, Registry
from crosscloud_mnist.preprocessing.preprocessor import Preprocessor
from crosscloud_mnist.preprocessing.variants import list_variants, render_variant
from crosscloud_mnist.promotion import ProductionModel, fetch_verified, history, resolve_alias
from crosscloud_mnist.promotion.gates import GateSummary, parse_summary
from crosscloud_mnist.promotion.smoke_test_report import SmokeTestReport

_CARD_FIELDS = (
    "calibration",
    "history",
    "libraries",
    "run",
    "settings",
    "splits",
    "worker_reports",
)


@dataclass(frozen=True)
class VariantResult:
    """How the images of one variant were predicted.

    Attributes:
        variant: One of ``preprocessing.variants.list_variants``.
        images: How many.
        correct: Predicted correctly.
        rejected: In which no digit was found.
    """

    variant: str
    images: int
    correct: int
    rejected: int


@dataclass(frozen=True)
class Promotion:
    """How the version came into production, by the ledger.

    Attributes:
        timestamp: When, ISO 8601 in UTC.
        actor: The user, as the workspace names them.
        reason: Why.
        gates: The gates with their figures.
        champion: The version before it; ``None``: there was none.
        champion_accuracy: Of that version on its test set, 0 to 1, if its tags have it.
    """

    timestamp: str
    actor: str
    reason: str
    gates: tuple[GateSummary, ...]
    champion: str | None
    champion_accuracy: float | None


@dataclass(frozen=True)
class Evidence:
    """What is known of a version in production.

    Attributes:
        version: The version.
        workspace: Whose registry holds it.
        card: Of its bundle.
        contract: Of its bundle.
        test_predictions: Of its bundle.
        examples: Of its bundle.
        robustness: The predictions for the examples in every variant.
        promotion: Its promotion.
    """

    version: ModelVersion
    workspace: str
    card: ModelCard
    contract: Contract
    test_predictions: TestPredictions
    examples: Examples
    robustness: tuple[VariantResult, ...]
    promotion: Promotion


def find_reported_version(
    registry: Registry, production: ProductionModel, smoke_test: SmokeTestReport
) -> ModelVersion:
    """Return the version in production, which the smoke test must have tested.

    Raises:
        SmokeTestError: The smoke test tested another bundle.
        PromotionRejectedError: The alias points to a version that was not promoted.
        RegistryError: No version has the alias.
    """
    version = resolve_alias(registry, production)
    if smoke_test["digest"] != version.digest:
        raise SmokeTestError(
            f"the smoke test was of {smoke_test['name']} {smoke_test['model_version']}, expected "
            f"{version.name} {version.version}, which is in production; run kedro run --pipelines "
            "smoke_test, then report"
        )
    return version


def gather_evidence(
    registry: Registry, verifier: Verifier, version: ModelVersion, production: ProductionModel
) -> Evidence:
    """Verify the version's bundle and read what the report tells.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        BundleError: The bundle was trained by an older version of this project.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        card, contract, examples = bundle.card(), bundle.contract(), bundle.examples()
        missing = [name for name in _CARD_FIELDS if name not in card]
        if examples is None or missing:
            found = f"its card lacks {', '.join(missing)}" if missing else "it has no examples"
            raise BundleError(
                f"{version.name} {version.version} cannot be reported: {found}, expected what "
                "training records now; train and register it again"
            )
        return Evidence(
            version=version,
            workspace=registry.workspace(),
            card=card,
            contract=contract,
            test_predictions=bundle.test_predictions(),
            examples=examples,
            robustness=tuple(
                _test_variant(bundle, examples, kind, Preprocessor(contract))
                for kind in list_variants(contract)
            ),
            promotion=_read_promotion(registry, version, production.alias),
        )


def _test_variant(
    bundle: Bundle, examples: Examples, kind: str, preprocess: Preprocessor
) -> VariantResult:
    """Predict the sample images in one variant, each read as a file would be."""
    inputs: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    samples = examples.samples
    for image, label in zip(samples.images, samples.labels, strict=True):
        try:
            inputs.append(preprocess(render_variant(image, kind)))
        except ImageError:
            continue
        labels.append(int(label))
    correct = 0
    if inputs:
        correct = int((predict(bundle, np.stack(inputs)).argmax(axis=1) == labels).sum())
    images = len(samples.labels)
    return VariantResult(kind, images, correct, rejected=images - len(inputs))


def _read_promotion(registry: Registry, version: ModelVersion, alias: str) -> Promotion:
    """Return the promotion that the ledger has.

    Raises:
        RegistryError: It has none.
    """
    entry = history.find_promotion(registry.ledger(version.name), alias, version.version)
    if entry is None:
        raise RegistryError(
            f"the ledger of {registry.workspace()} has no promotion of {version.name} "
            f"{version.version}, expected one; run kedro run --pipelines register_remote"
        )
    previous = entry.previous_version
    champion = registry.get_version(version.name, previous) if previous else None
    accuracy = champion.tags.get("test_accuracy") if champion else None
    return Promotion(
        timestamp=entry.timestamp,
        actor=entry.actor,
        reason=entry.reason,
        gates=tuple(parse_summary(entry.gate_results)),
        champion=previous or None,
        champion_accuracy=float(accuracy) if accuracy else None,
    )
