"""A Model Serving endpoint: ``rollout`` updates it, ``invocations`` sends it images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.adapters.databricks.access import resolve_access
from crosscloud_mnist.adapters.databricks.endpoint_settings import parse_settings
from crosscloud_mnist.adapters.databricks.invocations import INVOCATION_LIMITS, Invocations
from crosscloud_mnist.adapters.databricks.request_limits import RequestLimits
from crosscloud_mnist.adapters.databricks.rollout import Rollout
from crosscloud_mnist.adapters.databricks.served_entities import ServedVersion, largest_share
from crosscloud_mnist.adapters.databricks.traffic import Traffic
from crosscloud_mnist.adapters.databricks.workspace import (
    UNITY_CATALOG,
    connect,
    translate_errors,
)
from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST
from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.ports import Deployment, ModelVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DatabricksEndpoint:
    """One serving endpoint of one workspace: see ``ports.Endpoint``.

    It runs in a process that has only that workspace's credentials.

    Args:
        workspace_id: The id that must be reached before anything is written, if it is known.
        options: The settings: see ``EndpointSettings``. ``name`` is required.

    Raises:
        ConfigurationError: An option is missing, unknown, or of the wrong type or range.
    """

    def __init__(self, *, workspace_id: str | None = None, **options: Any) -> None:
        settings = parse_settings(options)
        limits = RequestLimits(
            retry_seconds=settings.retry_seconds, max_wait_seconds=settings.retry_seconds
        )
        client, _ = connect(workspace_id, EndpointError, limits)
        self._traffic = Traffic(client.serving_endpoints, settings)
        self._url = f"{client.config.host}/serving-endpoints/{settings.name}/invocations"
        self._translate_errors = partial(translate_errors, self._url, workspace_id, EndpointError)
        invoker, _ = connect(workspace_id, EndpointError, INVOCATION_LIMITS)
        self._invocations = Invocations(
            invoker.api_client, settings.name, self._url, settings.cold_start_seconds
        )
        self._rollout = Rollout(
            self._traffic, self._invocations, self._translate_errors, settings.canary_percent
        )

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the endpoint's process is given: see ``ProcessConfig``.

        The option ``workspace`` is the workspace's URI, as of a registry.

        Raises:
            ConfigurationError: An option is missing, unknown, or of the wrong type or range.
        """
        remaining = dict(options)
        workspace = str(remaining.pop("workspace", ""))
        parse_settings(remaining)
        access = resolve_access(workspace, credentials)
        return access.process_config({**remaining, "workspace_id": access.workspace_id})

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``."""
        golden = Bundle(bundle, version.digest).golden()
        new = ServedVersion.new(version.name, version.version)
        with self._translate_errors():
            self._rollout.run(new, golden)
        return self.describe()

    def describe(self) -> Deployment:
        """Return the version with most of the traffic, and its digest in the registry.

        Raises:
            EndpointError: There is no such endpoint, or it serves nothing yet.
        """
        from mlflow.exceptions import MlflowException

        with self._translate_errors(MlflowException):
            split = self._traffic.get_split()
            if not split:
                raise EndpointError(
                    f"{self._url} serves nothing, expected a model; run kedro run --pipelines "
                    "deploy"
                )
            served = largest_share(split)
            digest = self._registered_digest(served)
        return Deployment(self._url, served.name, served.version, digest)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with self._translate_errors():
            return self._invocations.predict(images)[0]

    def _registered_digest(self, served: ServedVersion) -> str:
        from mlflow import MlflowClient

        registry = MlflowClient(tracking_uri="databricks", registry_uri=UNITY_CATALOG)
        digest: str = registry.get_model_version(served.name, served.version).tags.get(DIGEST, "")
        return digest
