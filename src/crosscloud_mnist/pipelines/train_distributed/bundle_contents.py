"""Nodes of ``train_distributed`` that build the contents of the bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions, version

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import (
    BundleContents,
    Examples,
    Golden,
    ModelCard,
    TestPredictions,
    TrainingRun,
)
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.monitoring import Profile, measure_calibration, profile_predictions
from crosscloud_mnist.pipelines.train_distributed.evaluation import (
    Evaluation,
    Predictions,
    Weights,
)
from crosscloud_mnist.pipelines.train_distributed.nodes import Lineage
from crosscloud_mnist.pipelines.train_distributed.parameters import TrainDistributedParameters
from crosscloud_mnist.storage.data_card import DataCard
from crosscloud_mnist.training import export
from crosscloud_mnist.training.config import Setting, parse_config
from crosscloud_mnist.training.result import WorkerReportEntry

_LIBRARIES = ("keras", "mlflow", "onnx", "pyspark", "tensorflow")
_MIN_GOLDEN_PROBABILITY = 0.9  # a golden image is one that the model is certain of


@dataclass(frozen=True)
class ExportedModel:
    """The model as files.

    Attributes:
        onnx: The graph that is served.
        keras: The ``.keras`` file, for further training.
    """

    onnx: bytes
    keras: bytes


def export_model(
    settings: Mapping[str, Setting], weights: Weights, contract: Contract
) -> ExportedModel:
    """Return the trained model as files."""
    model = export.rebuild(parse_config(settings).model, contract, list(weights.values()))
    return ExportedModel(onnx=export.onnx_bytes(model), keras=export.keras_bytes(model))


def select_golden_set(
    validation: LabelledImages,
    validation_predictions: Predictions,
    contract: Contract,
    parameters: TrainDistributedParameters,
) -> Golden:
    """Return validation images of every class that the model predicts correctly and certainly.

    They are spread evenly over the set.
    """
    (images, labels), probabilities = validation, validation_predictions["probabilities"]
    per_class = parameters.golden_images_per_class
    is_certain = (probabilities.argmax(axis=1) == labels) & (
        probabilities.max(axis=1) >= _MIN_GOLDEN_PROBABILITY
    )
    selected = [
        _spread(np.flatnonzero(is_certain & (labels == label)), per_class)
        for label in range(contract.class_count)
    ]
    # An untrained model is certain of nothing; its bundle needs a golden set, too.
    indices = np.concatenate(selected) if is_certain.any() else np.arange(len(labels))[:per_class]
    return Golden(images[indices], labels[indices], probabilities[indices])


def _spread(indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return ``count`` of the indices, or all where there are fewer, evenly spaced."""
    count = min(count, len(indices))
    return indices[np.linspace(0, len(indices) - 1, count).astype(np.intp)]


def build_model_card(
    *,
    settings: Mapping[str, Setting],
    lineage: Lineage,
    evaluation: Evaluation,
    worker_reports: list[WorkerReportEntry],
    training_profile: Profile,
    validation_predictions: Predictions,
    test_predictions: Predictions,
    data_card: DataCard,
    training_history: Sequence[Mapping[str, float]],
    run: TrainingRun,
) -> ModelCard:
    """Return the model card.

    The profile of predictions is that of the validation set: the model is more certain of the
    images that it was trained on than of those that it will be sent.
    """
    return ModelCard(
        **lineage,
        lock_digest=_digest_installed_packages(),
        metrics={
            "test_accuracy": evaluation["test_accuracy"],
            "test_loss": evaluation["test_loss"],
            "test_images": evaluation["test_images"],
        },
        settings=settings,
        worker_reports=[{**report} for report in worker_reports],
        profile={
            "inputs": training_profile,
            "predictions": profile_predictions(validation_predictions["probabilities"]),
        },
        libraries={name: version(name) for name in _LIBRARIES},
        splits=data_card["splits"],
        history=training_history,
        calibration=measure_calibration(
            test_predictions["probabilities"], test_predictions["labels"]
        ),
        run=run,
    )


def _digest_installed_packages() -> str:
    """Return the SHA-256, hexadecimal, of the names and versions of everything installed."""
    names = {f"{each.name.lower()}=={each.version}" for each in distributions()}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def build_bundle_contents(
    *,
    exported_model: ExportedModel,
    golden_set: Golden,
    test_predictions: Predictions,
    model_card: ModelCard,
    examples: Examples,
    contract: Contract,
) -> BundleContents:
    """Return what goes into the bundle."""
    return BundleContents(
        onnx=exported_model.onnx,
        keras=exported_model.keras,
        golden=golden_set,
        test_predictions=TestPredictions(
            str(test_predictions["sha256"]),
            test_predictions["labels"],
            test_predictions["probabilities"].argmax(axis=1).astype(np.uint8),
        ),
        contract=contract,
        card=model_card,
        examples=examples,
    )
