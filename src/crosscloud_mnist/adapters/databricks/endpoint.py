"""A Model Serving endpoint: ``rollout`` updates it, ``invocations`` sends it images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.invocations import Invocations
from crosscloud_mnist.adapters.databricks.rollout import Rollout
from crosscloud_mnist.adapters.databricks.traffic import ServedVersion, Traffic, largest_share
from crosscloud_mnist.adapters.databricks.workspace import (
    UNITY_CATALOG,
    connect,
    resolve_access,
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
        name: The endpoint's name.
        workspace_id: The id that must be reached before anything is written, if it is known.
        size: Workload size: ``Small``, ``Medium`` or ``Large``.
        scale_to_zero: Whether it may stop when there are no requests.
        canary: Percent of the traffic that a new version gets until it is verified.
        minutes: How long an update may take; the service builds a container.
    """

    def __init__(
        self,
        *,
        name: str,
        workspace_id: str | None = None,
        size: str = "Small",
        scale_to_zero: bool = True,
        canary: int = 10,
        minutes: float = 45,
    ) -> None:
        client, _ = connect(workspace_id, EndpointError)
        self._traffic = Traffic(
            client.serving_endpoints,
            name,
            size=size,
            scale_to_zero=scale_to_zero,
            minutes=minutes,
        )
        self._url = f"{client.config.host}/serving-endpoints/{name}/invocations"
        self._translate_errors = partial(translate_errors, self._url, workspace_id, EndpointError)
        self._invocations = Invocations(client.api_client, name, self._url)
        self._rollout = Rollout(self._traffic, self._invocations, self._translate_errors, canary)

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the endpoint's process is given: see ``ProcessConfig``.

        The option ``workspace`` is the workspace's URI, as of a registry.
        """
        remaining = dict(options)
        access = resolve_access(str(remaining.pop("workspace")), credentials)
        return ProcessConfig({**remaining, "workspace_id": access.workspace_id}, access.variables)

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``."""
        golden = Bundle(bundle, version.digest).golden()
        new = ServedVersion(version.name, version.version)
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
