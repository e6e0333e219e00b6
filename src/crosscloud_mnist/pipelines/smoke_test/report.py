"""The report of ``smoke_test``, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence

from crosscloud_mnist.client import EndpointStatus, digest_mismatch
from crosscloud_mnist.errors import SmokeTestError
from crosscloud_mnist.ports import Deployment
from crosscloud_mnist.promotion.smoke_test_report import EndpointRow, ImageRow, SmokeTestReport


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
        SmokeTestError: An endpoint failed, two serve different bundles, or an image is unreadable
            or was not predicted as expected.
    """
    reasons = [
        f"{row['cloud']} failed: {row['error']}" for row in report["endpoints"] if row["error"]
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
    predicted, expected = row["predicted_class"], row["expected_class"]
    return f"{row['file']} was predicted as {predicted}, expected {expected}"
