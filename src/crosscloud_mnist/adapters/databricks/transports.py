"""How Unity Catalog takes and gives the files of a version, checked before anything is uploaded.

The workspace decides (mlflow 3.17, ``store/_unity_catalog/registry/rest_store.py``,
``_get_artifact_repo``): by its Files API, where it says that this is enabled; else by presigned
URLs, where the catalog is on Databricks' default storage; else by short-lived credentials of the
cloud storage, for which MLflow imports that cloud's own package. Which credentials, it says only
once the version exists; the storage location of the registered model tells earlier. mlflow 3.8
chooses in the same order.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.reachability import check_reachable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_FILES_API = (
    "/api/2.0/mlflow/unity-catalog/registered-models"
    ":is-databricks-sdk-models-artifact-repository-enabled"
)
_WORKSPACE_ONLY = "DATABRICKS_DISABLE_EXPERIMENTAL_FILES_API_CLIENT"  # of databricks-sdk
_IS_FILES_API = "is_databricks_sdk_models_artifact_repository_enabled"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CloudStorage:
    """Where a client of MLflow finds the storage of one cloud.

    Attributes:
        module: What MLflow imports to reach it.
        package: The package on PyPI that has the module.
        address: Its address; ``{host}`` and ``{bucket}`` are parts of the storage location.
    """

    module: str
    package: str
    address: str


_STORAGE_BY_SCHEME = {
    "abfss": CloudStorage(
        "azure.storage.filedatalake", "azure-storage-file-datalake", "https://{host}"
    ),
    "gs": CloudStorage(
        "google.cloud.storage", "google-cloud-storage", "https://storage.googleapis.com"
    ),
    "s3": CloudStorage("boto3", "boto3", "https://{bucket}.s3.amazonaws.com"),
    "r2": CloudStorage("boto3", "boto3", "https://{host}"),
}


def check_transport(client: WorkspaceClient, model: str) -> None:
    """Check that files of the model's versions can be sent to, and fetched from, their storage.

    Args:
        client: Of the workspace.
        model: The registered model, which exists.

    Raises:
        ConfigurationError: This environment lacks the package of the cloud.
        RegistryError: The storage's host does not accept connections.
    """
    parts = urlsplit(_find_storage_location(client, model))
    storage = _STORAGE_BY_SCHEME.get(parts.scheme)
    if storage is None:
        return
    address = storage.address.format(host=parts.hostname, bucket=parts.netloc)
    if _uses_files_api(client):
        _choose_host(address)
        return
    if not _is_installed(storage.module):
        raise ConfigurationError(
            f"the files of {model} are kept at {parts.scheme}://{parts.netloc}, and the package "
            f"{storage.package} is not installed in this environment, expected it wherever "
            "register_remote and deploy run: install crosscloud-mnist[databricks]"
        )
    check_reachable(address, f"the storage of {model}", RegistryError)


def _choose_host(address: str) -> None:
    """Let the SDK send files through the workspace where the storage cannot be reached.

    By itself it reads every file, and writes those of 50 MB and more, at presigned URLs of the
    storage (databricks-sdk 0.156.0, ``mixins/files.py``), and fails where their host is blocked.
    """
    try:
        check_reachable(address, "the storage", RegistryError)
    except RegistryError as error:
        logger.warning("%s; files go through the workspace", error)
        os.environ[_WORKSPACE_ONLY] = "true"


def _find_storage_location(client: WorkspaceClient, model: str) -> str:
    """Return where the model's files are kept; ``""`` where that may not be read, as in a share."""
    from databricks.sdk.errors.base import DatabricksError

    try:
        return client.registered_models.get(model).storage_location or ""
    except DatabricksError:
        return ""


def _uses_files_api(client: WorkspaceClient) -> bool:
    """Whether the workspace takes model files by its Files API; MLflow too reads an error as no."""
    from databricks.sdk.errors.base import DatabricksError

    try:
        response = client.api_client.do("GET", _FILES_API)
    except DatabricksError:
        return False
    return isinstance(response, dict) and bool(response.get(_IS_FILES_API))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        return False
