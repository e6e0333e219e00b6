"""Nodes of ``monitor``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.errors import BundleError, DataError, DriftError
from crosscloud_mnist.monitoring import (
    Profile,
    compare,
    profile_images,
    profile_predictions,
    read_answers,
)
from crosscloud_mnist.ports import ModelVersion, Registry
from crosscloud_mnist.promotion import fetch_verified

if TYPE_CHECKING:
    import pandas as pd


def fetch_profile(
    registry: Registry, verifier: Verifier, version: ModelVersion
) -> dict[str, Profile]:
    """Return what the version was trained for, from its signed card: ``inputs``, ``predictions``.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        BundleError: The bundle carries no profile.
    """
    with tempfile.TemporaryDirectory() as folder:
        card = fetch_verified(registry, version, verifier, Path(folder) / "bundle").card()
    if "profile" not in card:
        raise BundleError(
            f"{version.name} {version.version} carries no profile of its training set, expected "
            "one in its card; train and register it again"
        )
    profile: dict[str, Profile] = card["profile"]
    return profile


def measure(
    log: pd.DataFrame,
    profile: Mapping[str, Profile],
    version: ModelVersion,
    threshold: float,
    minimum_images: int,
) -> dict[str, Any]:
    """Return the report: how far inputs and predictions are from the profile.

    Args:
        log: The columns of Databricks' inference tables.
        profile: What the version was trained for.
        version: Which.
        threshold: The population stability index that counts as drift.
        minimum_images: Fewer say nothing.

    Raises:
        DataError: The log holds too few images.
    """
    answers = read_answers(log, f"{version.name.rpartition('.')[2]}-{version.version}")
    counts = {
        "requests": answers.requests,
        "refused": answers.refused,
        "unreadable": answers.unreadable,
        "images": len(answers.images),
        "of_other_models": answers.others,
        "served_entity": answers.entity,
    }
    if len(answers.images) < minimum_images:
        raise DataError(
            f"the log holds {len(answers.images)} images in {answers.requests} requests "
            f"({answers.refused} refused, {answers.others} answered by another model, "
            f"{answers.unreadable} without images), expected at least {minimum_images} to "
            "judge by; wait for more, or log a larger fraction"
        )
    found = {
        "inputs": profile_images(answers.images, profile["inputs"]),
        "predictions": profile_predictions(answers.probabilities),
    }
    drifts = {name: compare(profile[name], found[name], threshold) for name in found}
    return {
        "model_name": version.name,
        "model_version": version.version,
        "digest": version.digest,
        "log": counts,
        "passed": not any(drift.drifted for each in drifts.values() for drift in each),
        **{name: [asdict(drift) for drift in each] for name, each in drifts.items()},
    }


def assert_passed(report: Mapping[str, Any]) -> None:
    """Fail the run, after report and figure are on storage.

    Raises:
        DriftError: A statistic moved further than its limit.
    """
    said = []
    for kind in ("inputs", "predictions"):
        moved = [row for row in report[kind] if row["drifted"]]
        if moved:
            names = (f"{row['statistic']} (PSI {row['psi']:.2f})" for row in moved)
            said.append(f"{kind} drifted: {', '.join(names)}")
    if said:
        limits = sorted(
            {row["limit"] for kind in ("inputs", "predictions") for row in report[kind]}
        )
        raise DriftError(
            f"{'; '.join(said)}; over {report['log']['images']:,} images, expected at most "
            f"{limits[0]:.2f}; look at monitor.png for what callers send now, and correct them or "
            "train again"
        )
