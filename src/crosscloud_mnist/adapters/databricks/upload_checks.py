"""How a version's files get to Unity Catalog: only the workspace decides that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crosscloud_mnist.adapters.databricks.workspace import UNITY_CATALOG

if TYPE_CHECKING:
    from crosscloud_mnist.ports import ModelVersion

# By the class that mlflow/store/_unity_catalog/registry/rest_store.py chooses.
_WAYS = {
    "DatabricksSDKModelsArtifactRepository": "the Files API",
    "PresignedUrlArtifactRepository": "presigned URLs (DEFAULT_STORAGE)",
    "AzureDataLakeArtifactRepository": "Azure Data Lake with a SAS",
    "GCSArtifactRepository": "Google Cloud Storage with a token",
    "OptimizedS3ArtifactRepository": "S3 with temporary credentials",
}


def describe_upload(version: ModelVersion) -> str:
    """Return which way the files of the version went, and to which host.

    Args:
        version: A version that was created with its files.
    """
    from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore

    open_store: Any = UcModelRegistryStore  # MLflow's classes have no annotations
    store = open_store(store_uri=UNITY_CATALOG, tracking_uri="databricks")
    location = store.get_model_version_download_uri(version.name, version.version)
    # MLflow has no public way to ask.
    repository = store._get_artifact_repo(
        SimpleNamespace(version=version.version, storage_location=location), version.name
    )
    name = type(repository).__name__
    host = urlsplit(location or "").netloc.rpartition("@")[2]
    return f"by {_WAYS.get(name, name)}{f' at {host}' if host else ''}"
