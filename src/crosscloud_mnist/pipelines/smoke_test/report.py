"""The report of ``smoke_test``, as JSON, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from crosscloud_mnist.client import EndpointStatus, digest_mismatch
from crosscloud_mnist.errors import SmokeTestError
from crosscloud_mnist.ports import Deployment


class ImageRow(TypedDict):
    """The prediction of one image.

    Attributes:
        file: Its path in the folder.
        expected: The expected digit, where there is one.
        predicted: The digit that the first live cloud predicted.
        probability: Of that digit, 0 to 1.
        error: Why the image was not sent, or what the clouds predicted where they differ.
    """

    file: str
    expected: int | None
    predicted: int | None
    probability: float | None
    error: str | None


class EndpointRow(TypedDict):
    """The status of one cloud's endpoint.

    Attributes:
        cloud: The cloud's name.
        endpoint: Its URL, where it answers.
        model_version: The version that it serves.
        digest: SHA-256 of the bundle that it serves, hexadecimal.
        healthy: Whether it answers.
        error: Why it does not.
    """

    cloud: str
    endpoint: str | None
    model_version: str | None
    digest: str | None
    healthy: bool
    error: str | None


class SmokeTestReport(TypedDict):
    """What was sent, and whether everything was as expected.

    Attributes:
        endpoint: URL of the first live cloud's endpoint.
        name: The registered model that it serves.
        model_version: The version that it serves.
        digest: SHA-256 of the bundle that it serves, hexadecimal.
        passed: Whether every cloud is live, all serve one bundle, and every image was predicted as
            expected.
        endpoints: A row for each cloud.
        digest_mismatch: Which cloud serves which bundle, where they differ.
        images: A row for each of the user's images.
        golden: A row for each image of the golden set.
    """

    endpoint: str
    name: str
    model_version: str
    digest: str
    passed: bool
    endpoints: list[EndpointRow]
    digest_mismatch: str | None
    images: list[ImageRow]
    golden: list[ImageRow]


def build_report(
    statuses: Sequence[EndpointStatus], golden: Sequence[ImageRow], images: Sequence[ImageRow]
) -> SmokeTestReport:
    """Return the report."""
    first = first_deployment(statuses)
    mismatch = digest_mismatch(statuses)
    failed = any(_is_failed(row) for row in [*golden, *images])
    return {
        "endpoint": first.endpoint,
        "name": first.name,
        "model_version": first.model_version,
        "digest": first.digest,
        "passed": not (failed or mismatch or any(status.error for status in statuses)),
        "endpoints": [_endpoint_row(status) for status in statuses],
        "digest_mismatch": mismatch,
        "images": list(images),
        "golden": list(golden),
    }


def assert_passed(report: SmokeTestReport) -> None:
    """Fail the run, after the report is on storage.

    Raises:
        SmokeTestError: A cloud is down, two serve different bundles, or an image is unreadable or
            was not predicted as expected.
    """
    reasons = [
        f"{row['cloud']} is down: {row['error']}" for row in report["endpoints"] if row["error"]
    ]
    if report["digest_mismatch"]:
        reasons.append(f"{report['digest_mismatch']}; deploy one version to all")
    rows = report["golden"] + report["images"]
    failed = [_reason(row) for row in rows if _is_failed(row)]
    if failed:
        reasons.append(f"{len(failed)} of {len(rows)} images failed: {'; '.join(failed)}")
    if reasons:
        raise SmokeTestError("; ".join(reasons))


def first_deployment(statuses: Sequence[EndpointStatus]) -> Deployment:
    """Return what the first live cloud serves; there is one."""
    return next(status.deployment for status in statuses if status.deployment)


def _endpoint_row(status: EndpointStatus) -> EndpointRow:
    deployment = status.deployment
    return {
        "cloud": status.cloud,
        "endpoint": deployment.endpoint if deployment else None,
        "model_version": deployment.model_version if deployment else None,
        "digest": deployment.digest if deployment else None,
        "healthy": deployment is not None,
        "error": status.error,
    }


def _is_failed(row: ImageRow) -> bool:
    return bool(row["error"]) or row["expected"] not in (None, row["predicted"])


def _reason(row: ImageRow) -> str:
    if row["error"]:
        return f"{row['file']} {row['error']}"
    return f"{row['file']} was predicted as {row['predicted']}, expected {row['expected']}"
