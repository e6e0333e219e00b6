"""The node of ``report`` that publishes the page."""

from __future__ import annotations

from typing import TypedDict

from crosscloud_mnist.ports import ModelVersion, Registry, report_file_name
from crosscloud_mnist.promotion import tags


class PublishedReport(TypedDict):
    """``report.json``: where the page is.

    Attributes:
        name: The registered model.
        version: Its version.
        digest: SHA-256 of its bundle, hexadecimal.
        file: Name of the page's file.
        run: Address of the MLflow run that holds the page.
    """

    name: str
    version: str
    digest: str
    file: str
    run: str


def name_page(version: ModelVersion, page: str) -> dict[str, str]:
    """Return the page by the name of its file, without the ending."""
    return {report_file_name(version.name, version.version, version.digest): page}


def publish_report(registry: Registry, version: ModelVersion, page: str) -> PublishedReport:
    """Log the page in the workspace that serves, and link it from the version.

    Raises:
        RegistryError: The workspace rejected a request.
    """
    run = registry.log_report(version, page)
    registry.tag_version(version, {tags.REPORT: run})
    return PublishedReport(
        name=version.name,
        version=version.version,
        digest=version.digest,
        file=f"{report_file_name(version.name, version.version, version.digest)}.html",
        run=run,
    )
