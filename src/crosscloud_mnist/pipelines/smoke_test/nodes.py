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
from crosscloud_mnist.client import Standing, skew, survey
from crosscloud_mnist.errors import EndpointError, PictureError, RegistryError, SmokeTestFailed
from crosscloud_mnist.pictures import to_model_input
from crosscloud_mnist.pictures.disguises import DISGUISES
from crosscloud_mnist.pictures.disguises import disguise as disguised
from crosscloud_mnist.ports import Deployment, Endpoint, Registry
from crosscloud_mnist.promotion import fetch_verified

Row = dict[str, Any]

logger = logging.getLogger(__name__)


def look(endpoints: Mapping[str, Endpoint], _after: Any = None) -> tuple[Standing, ...]:
    """Ask every cloud's endpoint what it serves at this moment.

    Raises:
        EndpointError: None of them answers.
    """
    standings = survey(endpoints)
    if not any(standing.deployment for standing in standings):
        raise EndpointError("; ".join(_down(_endpoint_row(each)) for each in standings))
    return standings


def fetch_golden(registry: Registry, verifier: Verifier, standings: Sequence[Standing]) -> Golden:
    """Return the golden set of the bundle that the first live cloud serves, from the registry.

    Raises:
        RegistryError: The registry knows no version with that digest.
        VerificationError: The registry's copy is not the one that was signed and recorded.
    """
    deployment = _first(standings)
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
    endpoints: Mapping[str, Endpoint],
    pictures: Mapping[str, Callable[[], Image.Image]],
    standings: Sequence[Standing],
) -> list[Row]:
    """Send every picture to every live cloud, one request each.

    Returns:
        A row for each picture: ``file``, ``expected`` (the last digit of its name), ``predicted``
        and ``probability`` as the first live cloud answers, and ``error``, which names the clouds'
        answers where they differ.

    Raises:
        EndpointError: An endpoint refused a picture that is as the contract says, or did not
            answer.
    """
    live = {each.cloud: endpoints[each.cloud] for each in standings if each.deployment}
    rows = []
    known = Image.registered_extensions()
    for name, load in sorted(pictures.items()):
        suffix = Path(name).suffix.lower()
        if Path(name).name.startswith(".") or (suffix and suffix not in known):
            logger.warning("%s is not sent: its name is no picture's", name)
            continue
        digits = re.findall(r"[0-9]", Path(name).stem)
        row = {"file": name, "expected": int(digits[-1]) if digits else None}
        rows.append({**row, **_answer(live, load)})
    return rows


def _answer(endpoints: Mapping[str, Endpoint], load: Callable[[], Image.Image]) -> Row:
    try:
        picture = to_model_input(load())
    except PictureError as error:
        return {"predicted": None, "probability": None, "error": str(error)}
    except DatasetError as error:
        reason = str(error.__cause__ or error)
        if isinstance(error.__cause__, UnidentifiedImageError):
            reason = "it is in no format of a picture; save it again as PNG or JPEG"
        return {"predicted": None, "probability": None, "error": f"cannot be opened: {reason}"}
    answers = {cloud: endpoint.predict(picture[None])[0] for cloud, endpoint in endpoints.items()}
    named = {cloud: int(answer.argmax()) for cloud, answer in answers.items()}
    predicted, *others = named.values()
    differ = "the clouds answer differently: " + ", ".join(f"{c} {n}" for c, n in named.items())
    return {
        "predicted": predicted,
        "probability": float(next(iter(answers.values()))[predicted]),
        "error": None if all(other == predicted for other in others) else differ,
    }


def report(standings: Sequence[Standing], golden: Sequence[Row], pictures: Sequence[Row]) -> Row:
    """Return the report: what was asked of whom, and whether every expected digit was named.

    What stands at its top is the first live cloud's; ``endpoints`` holds a row for each cloud.
    """
    return {
        **asdict(_first(standings)),
        "passed": not (
            any(map(_failed, [*golden, *pictures]))
            or any(each.error for each in standings)
            or skew(standings)
        ),
        "endpoints": [_endpoint_row(each) for each in standings],
        "skew": skew(standings),
        "pictures": list(pictures),
        "golden": list(golden),
    }


def _first(standings: Sequence[Standing]) -> Deployment:
    return next(each.deployment for each in standings if each.deployment)


def _endpoint_row(standing: Standing) -> Row:
    served = standing.deployment
    return {
        "cloud": standing.cloud,
        "endpoint": served.endpoint if served else None,
        "model_version": served.model_version if served else None,
        "digest": served.digest if served else None,
        "healthy": served is not None,
        "error": standing.error,
    }


def judge(report: Row) -> None:
    """Fail the run, after the report is on storage.

    Raises:
        SmokeTestFailed: A cloud is down, two serve different bundles, or a picture was not named
            as its file name says or cannot be read.
    """
    reasons = [_down(row) for row in report["endpoints"] if not row["healthy"]]
    if report["skew"]:
        reasons.append(f"{report['skew']}; deploy one version to all")
    rows = report["golden"] + report["pictures"]
    failed = [row for row in rows if _failed(row)]
    if failed:
        reasons.append(f"{len(failed)} of {len(rows)} pictures: " + "; ".join(map(_reason, failed)))
    if reasons:
        raise SmokeTestFailed("; ".join(reasons))


def _down(row: Row) -> str:
    return f"{row['cloud']} is down: {row['error']}"


def _failed(row: Row) -> bool:
    return bool(row["error"]) or row["expected"] not in (None, row["predicted"])


def _reason(row: Row) -> str:
    if row["error"]:
        return f"{row['file']} {row['error']}"
    return f"{row['file']} was named {row['predicted']}, expected {row['expected']}"
