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
from crosscloud_mnist.client import EndpointStatus, digest_mismatch, survey
from crosscloud_mnist.errors import EndpointError, ImageError, RegistryError, SmokeTestError
from crosscloud_mnist.ports import Deployment, Endpoint, Registry
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from crosscloud_mnist.promotion import fetch_verified

Row = dict[str, Any]

logger = logging.getLogger(__name__)


def check_endpoints(
    endpoints: Mapping[str, Endpoint], _after: Any = None
) -> tuple[EndpointStatus, ...]:
    """Ask every cloud's endpoint what it serves at this moment.

    Raises:
        EndpointError: None of them answers.
    """
    statuses = survey(endpoints)
    if not any(status.deployment for status in statuses):
        raise EndpointError("; ".join(_down(_endpoint_row(each)) for each in statuses))
    return statuses


def fetch_golden(
    registry: Registry, verifier: Verifier, statuses: Sequence[EndpointStatus]
) -> Golden:
    """Return the golden set of the bundle that the first live cloud serves, from the registry.

    Raises:
        RegistryError: The registry knows no version with that digest.
        VerificationError: The registry's copy is not the one that was signed and recorded.
    """
    deployment = _first(statuses)
    version = registry.find_version(deployment.name, deployment.digest)
    if version is None:
        raise RegistryError(
            f"{deployment.endpoint} serves a bundle of digest {deployment.digest}, which no "
            f"version of {deployment.name} in {registry.workspace()} has; run kedro run "
            "--pipeline deploy"
        )
    with tempfile.TemporaryDirectory() as folder:
        return fetch_verified(registry, version, verifier, Path(folder) / "bundle").golden()


def render_variants(golden: Golden) -> dict[str, Image.Image]:
    """Render every golden image as people's images come, each variant in its turn.

    Returns:
        Images under names that end with the digit.
    """
    rendered = {}
    for index, (image, label) in enumerate(zip(golden.images, golden.labels, strict=True)):
        kind = VARIANTS[index % len(VARIANTS)]
        rendered[f"golden-{index:02d}-{kind}-{label}"] = render_variant(image, kind)
    return rendered


def predict_images(
    endpoints: Mapping[str, Endpoint],
    images: Mapping[str, Callable[[], Image.Image]],
    statuses: Sequence[EndpointStatus],
) -> list[Row]:
    """Send every image to every live cloud, one request each.

    Returns:
        A row for each image: ``file``, ``expected`` (the last digit of its name), ``predicted``
        and ``probability`` as the first live cloud answers, and ``error``, which names the clouds'
        answers where they differ.

    Raises:
        EndpointError: An endpoint refused an image that is as the contract says, or did not
            answer.
    """
    live = {each.cloud: endpoints[each.cloud] for each in statuses if each.deployment}
    rows = []
    known = Image.registered_extensions()
    for name, load in sorted(images.items()):
        suffix = Path(name).suffix.lower()
        if Path(name).name.startswith(".") or (suffix and suffix not in known):
            logger.warning("%s is not sent: its name is no image's", name)
            continue
        digits = re.findall(r"[0-9]", Path(name).stem)
        row = {"file": name, "expected": int(digits[-1]) if digits else None}
        rows.append({**row, **_answer(live, load)})
    return rows


def _answer(endpoints: Mapping[str, Endpoint], load: Callable[[], Image.Image]) -> Row:
    try:
        image = to_model_input(load())
    except ImageError as error:
        return {"predicted": None, "probability": None, "error": str(error)}
    except DatasetError as error:
        reason = str(error.__cause__ or error)
        if isinstance(error.__cause__, UnidentifiedImageError):
            reason = "it is in no format of an image; save it again as PNG or JPEG"
        return {"predicted": None, "probability": None, "error": f"cannot be opened: {reason}"}
    answers = {cloud: endpoint.predict(image[None])[0] for cloud, endpoint in endpoints.items()}
    named = {cloud: int(answer.argmax()) for cloud, answer in answers.items()}
    predicted, *others = named.values()
    differ = "the clouds answer differently: " + ", ".join(f"{c} {n}" for c, n in named.items())
    return {
        "predicted": predicted,
        "probability": float(next(iter(answers.values()))[predicted]),
        "error": None if all(other == predicted for other in others) else differ,
    }


def report(statuses: Sequence[EndpointStatus], golden: Sequence[Row], images: Sequence[Row]) -> Row:
    """Return the report: what was asked of whom, and whether every expected digit was named.

    What stands at its top is the first live cloud's; ``endpoints`` holds a row for each cloud.
    """
    return {
        **asdict(_first(statuses)),
        "passed": not (
            any(map(_failed, [*golden, *images]))
            or any(each.error for each in statuses)
            or digest_mismatch(statuses)
        ),
        "endpoints": [_endpoint_row(each) for each in statuses],
        "digest_mismatch": digest_mismatch(statuses),
        "images": list(images),
        "golden": list(golden),
    }


def _first(statuses: Sequence[EndpointStatus]) -> Deployment:
    return next(each.deployment for each in statuses if each.deployment)


def _endpoint_row(status: EndpointStatus) -> Row:
    served = status.deployment
    return {
        "cloud": status.cloud,
        "endpoint": served.endpoint if served else None,
        "model_version": served.model_version if served else None,
        "digest": served.digest if served else None,
        "healthy": served is not None,
        "error": status.error,
    }


def assert_passed(report: Row) -> None:
    """Fail the run, after the report is on storage.

    Raises:
        SmokeTestError: A cloud is down, two serve different bundles, or an image was not named
            as its file name says or cannot be read.
    """
    reasons = [_down(row) for row in report["endpoints"] if not row["healthy"]]
    if report["digest_mismatch"]:
        reasons.append(f"{report['digest_mismatch']}; deploy one version to all")
    rows = report["golden"] + report["images"]
    failed = [row for row in rows if _failed(row)]
    if failed:
        reasons.append(f"{len(failed)} of {len(rows)} images: " + "; ".join(map(_reason, failed)))
    if reasons:
        raise SmokeTestError("; ".join(reasons))


def _down(row: Row) -> str:
    return f"{row['cloud']} is down: {row['error']}"


def _failed(row: Row) -> bool:
    return bool(row["error"]) or row["expected"] not in (None, row["predicted"])


def _reason(row: Row) -> str:
    if row["error"]:
        return f"{row['file']} {row['error']}"
    return f"{row['file']} was named {row['predicted']}, expected {row['expected']}"
