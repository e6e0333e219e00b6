"""Nodes of ``train_distributed``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import distributions, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.bundle import CONTRACT, Bundle, BundleContents, Golden, TestPredictions
from crosscloud_mnist.datasets.shards import LabelledImages
from crosscloud_mnist.monitoring import Profile, profile_predictions
from crosscloud_mnist.pipelines.train_distributed.comparison import Row, best_of, compare
from crosscloud_mnist.ports import Launcher, Mode, Registry, Tracker
from crosscloud_mnist.training.grid import Grid, expand, name_of
from crosscloud_mnist.training.job import TrainingJob, settings_of
from crosscloud_mnist.training.result import TrainingResult

Weights = dict[str, NDArray[np.float32]]
_LIBRARIES = ("keras", "mlflow", "onnx", "pyspark", "tensorflow")
_SUREST = 0.9  # a golden image is one that the model has no doubt about


def train(  # noqa: PLR0917  training is where everything meets
    launcher: Launcher,
    tracker: Tracker,
    jobs: tuple[TrainingJob, ...],
    grid: Grid,
    mode: Mode,
    lineage: Mapping[str, str],
) -> tuple[Weights, list[dict[str, Any]], list[dict[str, Any]], dict[str, Any], list[Row]]:
    """Train where the launcher says, with every epoch tracked as it ends.

    One job is trained by all slots together. Several are trained one per slot, each with a nested
    run of its own, and the best on *validation* goes on.

    Returns:
        The weights, the epochs' figures, each rank's report of what it did, the settings of the
        model that goes on, and the comparison, a row for each job.

    Raises:
        TrainingError: A slot was lost, or the ranks' worker_reports do not agree.
    """
    from crosscloud_mnist.training.distributed.worker_report import verify_worker_reports
    from crosscloud_mnist.training.train import train as train_on_slot

    tracker.set_tags({**lineage, "mode": mode})
    tracker.log_dataset(lineage["dataset"], lineage["dataset_digest"], lineage["source"])
    if len(jobs) == 1:
        changes: tuple[dict[str, Any], ...] = ({},)
        results: tuple[TrainingResult, ...] = (
            launcher.launch(train_on_slot, jobs[0], mode, tracker.log_epoch),
        )
    else:
        changes = expand(grid)
        with ExitStack() as stack:
            nested = [
                stack.enter_context(tracker.nested(name_of(changed), settings_of(job)))
                for changed, job in zip(changes, jobs, strict=True)
            ]
            results = launcher.launch_independent(
                train_on_slot, jobs, lambda index, epoch: nested[index].log_epoch(epoch)
            )
    for result, job in zip(results, jobs, strict=True):
        verify_worker_reports(result, job)
    best = best_of(results)
    return (
        {f"{index:03d}": array for index, array in enumerate(results[best].weights)},
        [asdict(epoch) for epoch in results[best].history],
        [asdict(report) for report in results[best].worker_reports],
        settings_of(jobs[best]),
        compare(changes, results, best),
    )


def build_lineage(data_card: Mapping[str, Any], git_commit: str) -> dict[str, str]:
    """Return what the model comes from: the data set, its digest and source, and the commit."""
    return {
        "dataset": data_card["dataset"],
        "dataset_digest": data_card["dataset_digest"],
        "source": data_card["source"],
        "git_commit": git_commit,
    }


def evaluate(
    tracker: Tracker, settings: Mapping[str, Any], weights: Weights, test: LabelledImages
) -> tuple[dict[str, NDArray[Any]], TestPredictions, dict[str, float], float, float]:
    """Answer the test set once, after every choice was made.

    Returns:
        The labels [n] and probabilities [n, 10]; the digits named, and on which test set; the
        figures together; the accuracy, 0 to 1; and the mean cross-entropy, nats.
    """
    from crosscloud_mnist.training import export

    model = export.rebuild(settings["model"], list(weights.values()))
    tracker.log_text(export.summary(model), "model_summary.txt")
    images, labels = test
    probabilities = export.predict(model, images)
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = float(-np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean())
    predictions: dict[str, NDArray[Any]] = {"labels": labels, "probabilities": probabilities}
    figures = {"test_accuracy": accuracy, "test_loss": loss, "test_images": len(labels)}
    return predictions, _named(test, probabilities), figures, accuracy, loss


def _named(test: LabelledImages, probabilities: NDArray[np.float32]) -> TestPredictions:
    images, labels = test
    counted = hashlib.sha256(images.tobytes())
    counted.update(labels.tobytes())
    return TestPredictions(
        counted.hexdigest(), labels, probabilities.argmax(axis=1).astype(np.uint8)
    )


def build_bundle_contents(  # noqa: PLR0917  the bundle is where everything meets
    settings: Mapping[str, Any],
    lineage: Mapping[str, str],
    weights: Weights,
    validation: LabelledImages,
    evaluation: Mapping[str, float],
    worker_reports: list[dict[str, Any]],
    answers: TestPredictions,
    golden_images_per_digit: int,
    training_profile: Profile,
) -> BundleContents:
    """Return what goes into the bundle; its golden set comes from the validation set.

    So does the profile of its answers: those to the training set are surer than any to come.
    """
    from crosscloud_mnist.training import export

    model = export.rebuild(settings["model"], list(weights.values()))
    images, labels = validation
    probabilities = export.predict(model, images)
    chosen = _surest(probabilities, labels, golden_images_per_digit)
    return BundleContents(
        onnx=export.onnx_bytes(model),
        keras=export.keras_bytes(model),
        golden=Golden(images[chosen], labels[chosen], probabilities[chosen]),
        test_predictions=answers,
        contract=CONTRACT,
        card={
            "dataset": lineage["dataset"],
            "dataset_digest": lineage["dataset_digest"],
            "source": lineage["source"],
            "git_commit": lineage["git_commit"],
            "lock_digest": _lock_digest(),
            "metrics": dict(evaluation),
            "settings": dict(settings),
            "worker_reports": worker_reports,
            "profile": {
                "inputs": training_profile,
                "predictions": profile_predictions(probabilities),
            },
            "libraries": {name: version(name) for name in _LIBRARIES},
        },
    )


def _lock_digest() -> str:
    """SHA-256, hexadecimal, over the names and versions of everything that is installed."""
    names = {f"{each.name.lower()}=={each.version}" for each in distributions()}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def _surest(
    probabilities: NDArray[np.float32], labels: NDArray[np.uint8], per_digit: int
) -> NDArray[np.intp]:
    """Images of every digit that are answered right and without doubt, spread over the set."""
    right = (probabilities.argmax(axis=1) == labels) & (probabilities.max(axis=1) >= _SUREST)
    candidates = [np.flatnonzero(right & (labels == digit)) for digit in range(10)]
    spread = [
        found[np.linspace(0, len(found) - 1, min(per_digit, len(found))).astype(np.intp)]
        for found in candidates
        if len(found)
    ]
    return np.concatenate(spread) if spread else np.arange(len(labels))[:per_digit]


def log_model(  # noqa: PLR0917  the model's whole description
    registry: Registry,
    tracker: Tracker,
    bundle: Bundle,
    settings: Mapping[str, Any],
    lineage: Mapping[str, str],
    evaluation: Mapping[str, float],
) -> str:
    """Log the signed bundle in the sandbox workspace and return its ``models:/m-...`` URI."""
    return registry.log_model(
        bundle.folder,
        run_id=tracker.run_id(),
        digest=bundle.digest,
        tags={**lineage, **{name: str(figure) for name, figure in evaluation.items()}},
        params={name: str(value) for name, value in settings.items()},
    )
