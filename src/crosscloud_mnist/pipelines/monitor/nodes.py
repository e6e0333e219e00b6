"""Nodes of ``monitor``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import BundleError, DataError, DriftError
from crosscloud_mnist.monitoring import (
    Drift,
    LoggedPredictions,
    TrainingProfile,
    compare,
    profile_images,
    profile_predictions,
    read_predictions,
)
from crosscloud_mnist.pipelines.monitor.parameters import MonitorParameters
from crosscloud_mnist.pipelines.monitor.report import MonitorReport
from crosscloud_mnist.ports import ModelVersion, Registry, served_entity_name
from crosscloud_mnist.promotion import fetch_verified

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = object  # Kedro reads the types of every node; pandas takes long to import


def fetch_profile(
    registry: Registry, verifier: Verifier, version: ModelVersion
) -> tuple[TrainingProfile, Contract]:
    """Return what the version was trained for, from its signed card, and its contract.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        BundleError: The bundle carries no profile.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        card, contract = bundle.card(), bundle.contract()
    if "profile" not in card:
        raise BundleError(
            f"{version.name} {version.version} carries no profile of its training set, expected "
            "one in its card; train and register it again"
        )
    return card["profile"], contract


def read_log(log: DataFrame, version: ModelVersion, contract: Contract) -> LoggedPredictions:
    """Return what the version predicted, by the columns of Databricks' inference tables."""
    return read_predictions(log, contract, served_entity_name(version.name, version.version))


def measure_drift(
    logged: LoggedPredictions,
    profile: TrainingProfile,
    version: ModelVersion,
    parameters: MonitorParameters,
) -> MonitorReport:
    """Return how far inputs and predictions are from the profile.

    Args:
        logged: What the version predicted.
        profile: What the version was trained for.
        version: The version in production.
        parameters: The thresholds, and whether too few images are an error.

    Raises:
        DataError: The log holds too few images.
    """
    conclusive = len(logged.images) >= parameters.minimum_images
    inputs: list[Drift] = []
    predictions: list[Drift] = []
    if conclusive:
        found_inputs = profile_images(logged.images, profile["inputs"])
        found_predictions = profile_predictions(logged.probabilities)
        inputs = compare(profile["inputs"], found_inputs, parameters.threshold)
        predictions = compare(profile["predictions"], found_predictions, parameters.threshold)
    elif parameters.require_minimum_images:
        raise _too_few(logged, parameters.minimum_images)
    return {
        "model_name": version.name,
        "model_version": version.version,
        "digest": version.digest,
        "log": {
            "requests": logged.requests,
            "rejected": logged.rejected,
            "unreadable": logged.unreadable,
            "images": len(logged.images),
            "other_models": logged.other_models,
            "served_entity": logged.served_entity,
        },
        "conclusive": conclusive,
        "passed": conclusive and not any(drift["drifted"] for drift in [*inputs, *predictions]),
        "inputs": inputs,
        "predictions": predictions,
    }


def _too_few(logged: LoggedPredictions, minimum_images: int) -> DataError:
    return DataError(
        f"the log holds {len(logged.images)} images in {logged.requests} requests "
        f"({logged.rejected} rejected, {logged.other_models} answered by another model, "
        f"{logged.unreadable} without images), expected at least {minimum_images}; wait for "
        "more, or log a larger fraction"
    )


def assert_passed(report: MonitorReport) -> None:
    """Fail the run, after report and figure are on storage.

    Raises:
        DriftError: A statistic moved further than its limit.
    """
    reasons = [
        *_drifted("inputs", report["inputs"]),
        *_drifted("predictions", report["predictions"]),
    ]
    if reasons:
        limit = min(drift["limit"] for drift in [*report["inputs"], *report["predictions"]])
        raise DriftError(
            f"{'; '.join(reasons)}; over {report['log']['images']:,} images, expected at most "
            f"{limit:.2f}; see monitor.png for what callers send now, and correct the callers or "
            "train again"
        )


def _drifted(kind: str, drifts: Sequence[Drift]) -> list[str]:
    drifted = [f"{row['statistic']} (PSI {row['psi']:.2f})" for row in drifts if row["drifted"]]
    return [f"{kind} drifted: {', '.join(drifted)}"] if drifted else []
