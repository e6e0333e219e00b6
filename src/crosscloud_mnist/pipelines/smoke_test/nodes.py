"""Nodes of ``smoke_test``."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kedro.io import DatasetError
from PIL import Image, UnidentifiedImageError

from crosscloud_mnist.bundle import Golden, Verifier
from crosscloud_mnist.errors import PictureError, RegistryError, SmokeTestFailed
from crosscloud_mnist.pictures import to_model_input
from crosscloud_mnist.pictures.disguises import DISGUISES
from crosscloud_mnist.pictures.disguises import disguise as disguised
from crosscloud_mnist.ports import Deployment, Endpoint, Registry
from crosscloud_mnist.promotion import fetch_verified

Row = dict[str, Any]

logger = logging.getLogger(__name__)


def describe(endpoint: Endpoint, _after: Any = None) -> Deployment:
    """Return what the endpoint serves at this moment, by its own word.

    Raises:
        EndpointError: It does not answer.
    """
    return endpoint.describe()


def fetch_golden(registry: Registry, verifier: Verifier, deployment: Deployment) -> Golden:
    """Return the golden set of the bundle that is served, from the registry it came from.

    Raises:
        RegistryError: The registry knows no version with that digest.
        VerificationError: The registry's copy is not the one that was signed and recorded.
    """
    version = registry.find_version(deployment.name, deployment.digest)
    if version is None:
        raise RegistryError(
            f"{deployment.endpoint} serves a bundle of digest {deployment.digest}, which no "
            f"version of {deployment.name} in {registry.workspace()} has; run kedro run "
            "--pipeline deploy"
        )
    with tempfile.TemporaryDirectory() as folder:
        return fetch_verified(registry, version, verifier, Path(folder) / "bundle").golden()


def disguise(golden: Golden) -> dict[str, Image.Image]:
    """Render every golden picture as people's pictures come, each disguise in its turn.

    Returns:
        Pictures under names that end with the digit.
    """
    rendered = {}
    for index, (picture, label) in enumerate(zip(golden.pictures, golden.labels, strict=True)):
        kind = DISGUISES[index % len(DISGUISES)]
        rendered[f"golden-{index:02d}-{kind}-{label}"] = disguised(picture, kind)
    return rendered


def ask(
    endpoint: Endpoint,
    pictures: Mapping[str, Callable[[], Image.Image]],
    _deployment: Deployment,
) -> list[Row]:
    """Send every picture to the endpoint, one request each.

    Returns:
        A row for each: ``file``, ``expected`` (the last digit of its name), ``predicted``,
        ``probability`` and ``error``.

    Raises:
        EndpointError: The endpoint refused a picture that is as the contract says, or did not
            answer.
    """
    rows = []
    known = Image.registered_extensions()
    for name, load in sorted(pictures.items()):
        suffix = Path(name).suffix.lower()
        if Path(name).name.startswith(".") or (suffix and suffix not in known):
            logger.warning("%s is not sent: its name is no picture's", name)
            continue
        digits = re.findall(r"[0-9]", Path(name).stem)
        row = {"file": name, "expected": int(digits[-1]) if digits else None}
        rows.append({**row, **_answer(endpoint, load)})
    return rows


def _answer(endpoint: Endpoint, load: Callable[[], Image.Image]) -> Row:
    try:
        picture = to_model_input(load())
    except PictureError as error:
        return {"predicted": None, "probability": None, "error": str(error)}
    except DatasetError as error:
        reason = str(error.__cause__ or error)
        if isinstance(error.__cause__, UnidentifiedImageError):
            reason = "it is in no format of a picture; save it again as PNG or JPEG"
        return {"predicted": None, "probability": None, "error": f"cannot be opened: {reason}"}
    probabilities = endpoint.predict(picture[None])[0]
    predicted = int(probabilities.argmax())
    return {"predicted": predicted, "probability": float(probabilities[predicted]), "error": None}


def report(deployment: Deployment, golden: Sequence[Row], pictures: Sequence[Row]) -> Row:
    """Return the report: what was asked of whom, and whether every expected digit was named."""
    return {
        **asdict(deployment),
        "passed": not any(map(_failed, [*golden, *pictures])),
        "pictures": list(pictures),
        "golden": list(golden),
    }


def judge(report: Row) -> None:
    """Fail the run, after the report is on storage.

    Raises:
        SmokeTestFailed: A picture was not named as its file name says, or cannot be read.
    """
    failed = [row for row in report["golden"] + report["pictures"] if _failed(row)]
    if failed:
        raise SmokeTestFailed(
            f"{len(failed)} of {len(report['golden'] + report['pictures'])} pictures: "
            + "; ".join(map(_reason, failed))
        )


def _failed(row: Row) -> bool:
    return bool(row["error"]) or row["expected"] not in (None, row["predicted"])


def _reason(row: Row) -> str:
    if row["error"]:
        return f"{row['file']} {row['error']}"
    return f"{row['file']} was named {row['predicted']}, expected {row['expected']}"
