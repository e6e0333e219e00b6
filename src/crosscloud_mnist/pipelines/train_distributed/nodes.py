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

from crosscloud_mnist.bundle import CONTRACT, Answers, Bundle, Contents, Golden
from crosscloud_mnist.monitoring import Profile, profile_of_answers
from crosscloud_mnist.pipelines.ingest_mnist.nodes import Labelled
from crosscloud_mnist.pipelines.train_distributed.comparison import Row, best_of, compare
from crosscloud_mnist.ports import Launcher, Mode, Registry, Tracker
from crosscloud_mnist.training.grid import Grid, expand, name_of
from crosscloud_mnist.training.plan import Outcome, Plan, settings_of

Weights = dict[str, NDArray[np.float32]]
_LIBRARIES = ("keras", "mlflow", "onnx", "pyspark", "tensorflow")
_SUREST = 0.9  # a golden picture is one that the model has no doubt about


def train(  # noqa: PLR0917  training is where everything meets
    launcher: Launcher,
    tracker: Tracker,
    plans: tuple[Plan, ...],
    grid: Grid,
    mode: Mode,
    lineage: Mapping[str, str],
) -> tuple[Weights, list[dict[str, Any]], list[dict[str, Any]], dict[str, Any], list[Row]]:
    """Train where the launcher says, with every epoch tracked as it ends.

    One plan is trained by all slots together. Several are trained one per slot, each with a nested
    run of its own, and the best on *validation* goes on.

    Returns:
        The weights, the epochs' figures, each rank's proof of what it did, the settings of the
        model that goes on, and the comparison, a row for each plan.

    Raises:
        TrainingError: A slot was lost, or the ranks' proofs do not agree.
    """
    from crosscloud_mnist.training.loop import train as train_on_slot
    from crosscloud_mnist.training.proofs import verify_proofs

    tracker.tags({**lineage, "mode": mode})
    tracker.dataset(lineage["dataset"], lineage["dataset_digest"], lineage["source"])
    if len(plans) == 1:
        changes: tuple[dict[str, Any], ...] = ({},)
        outcomes: tuple[Outcome, ...] = (
            launcher.launch(train_on_slot, plans[0], mode, tracker.epoch),
        )
    else:
        changes = expand(grid)
        with ExitStack() as stack:
            nested = [
                stack.enter_context(tracker.nested(name_of(changed), settings_of(plan)))
                for changed, plan in zip(changes, plans, strict=True)
            ]
            outcomes = launcher.launch_each(
                train_on_slot, plans, lambda index, epoch: nested[index].epoch(epoch)
            )
    for outcome, plan in zip(outcomes, plans, strict=True):
        verify_proofs(outcome, plan)
    best = best_of(outcomes)
    return (
        {f"{index:03d}": array for index, array in enumerate(outcomes[best].weights)},
        [asdict(epoch) for epoch in outcomes[best].history],
        [asdict(proof) for proof in outcomes[best].proofs],
        settings_of(plans[best]),
        compare(changes, outcomes, best),
    )


def trace_lineage(data_card: Mapping[str, Any], git_commit: str) -> dict[str, str]:
    """Return what the model comes from: the data set, its digest and source, and the commit."""
    return {
        "dataset": data_card["dataset"],
        "dataset_digest": data_card["dataset_digest"],
        "source": data_card["source"],
        "git_commit": git_commit,
    }


def evaluate(
    tracker: Tracker, settings: Mapping[str, Any], weights: Weights, test: Labelled
) -> tuple[dict[str, NDArray[Any]], Answers, dict[str, float], float, float]:
    """Answer the test set once, after every choice was made.

    Returns:
        The labels [n] and probabilities [n, 10]; the digits named, and on which test set; the
        figures together; the accuracy, 0 to 1; and the mean cross-entropy, nats.
    """
    from crosscloud_mnist.training import export

    model = export.rebuild(settings["model"], list(weights.values()))
    tracker.text(export.summary(model), "model_summary.txt")
    images, labels = test
    probabilities = export.predict(model, images)
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = float(-np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean())
    predictions: dict[str, NDArray[Any]] = {"labels": labels, "probabilities": probabilities}
    figures = {"test_accuracy": accuracy, "test_loss": loss, "test_pictures": len(labels)}
    return predictions, _named(test, probabilities), figures, accuracy, loss


def _named(test: Labelled, probabilities: NDArray[np.float32]) -> Answers:
    images, labels = test
    counted = hashlib.sha256(images.tobytes())
    counted.update(labels.tobytes())
    return Answers(counted.hexdigest(), labels, probabilities.argmax(axis=1).astype(np.uint8))


def assemble(  # noqa: PLR0917  the bundle is where everything meets
    settings: Mapping[str, Any],
    lineage: Mapping[str, str],
    weights: Weights,
    validation: Labelled,
    evaluation: Mapping[str, float],
    proofs: list[dict[str, Any]],
    answers: Answers,
    golden_pictures_per_digit: int,
    training_profile: Profile,
) -> Contents:
    """Return what goes into the bundle; its golden set comes from the validation set.

    So does the profile of its answers: those to the training set are surer than any to come.
    """
    from crosscloud_mnist.training import export

    model = export.rebuild(settings["model"], list(weights.values()))
    images, labels = validation
    probabilities = export.predict(model, images)
    chosen = _surest(probabilities, labels, golden_pictures_per_digit)
    return Contents(
        onnx=export.onnx_bytes(model),
        keras=export.keras_bytes(model),
        golden=Golden(images[chosen], labels[chosen], probabilities[chosen]),
        answers=answers,
        contract=CONTRACT,
        card={
            **lineage,
            "lock_digest": _lock_digest(),
            "metrics": dict(evaluation),
            "settings": dict(settings),
            "proofs": proofs,
            "profile": {
                "inputs": training_profile,
                "predictions": profile_of_answers(probabilities),
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
    """Pictures of every digit that are answered right and without doubt, spread over the set."""
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
