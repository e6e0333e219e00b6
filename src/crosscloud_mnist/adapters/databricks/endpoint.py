"""A Model Serving endpoint: updated without downtime by a canary, verified on the golden set.

A new version first gets a small share of the traffic beside the old one. Its predictions for the
golden set are verified, both on its own route and on the endpoint's. Only if all are right does it
get all of the traffic; otherwise the old configuration is restored.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.databricks.traffic import (
    FULL_TRAFFIC,
    ServedVersion,
    Split,
    Traffic,
)
from crosscloud_mnist.adapters.databricks.workspace import (
    UNITY_CATALOG,
    connect,
    resolve_access,
    translate_errors,
)
from crosscloud_mnist.adapters.mlflow.versions import DIGEST
from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, Golden
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.ports import Deployment, ModelVersion

_CANARY_RESPONSES = 3  # expected number of responses from the canary

logger = logging.getLogger(__name__)


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
        self._name, self._canary_percent, self._workspace_id = name, canary, workspace_id
        self._client, _ = connect(workspace_id, EndpointError)
        self._traffic = Traffic(
            self._client.serving_endpoints,
            name,
            size=size,
            scale_to_zero=scale_to_zero,
            minutes=minutes,
        )
        self._url = f"{self._client.config.host}/serving-endpoints/{name}/invocations"

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
        with translate_errors(self._url, self._workspace_id, EndpointError):
            split = self._traffic.get_split()
            if split is None:
                self._start(new, golden, is_existing=False)
            elif not split:
                self._start(new, golden, is_existing=True)
            elif _largest_share(split) != new:
                self._replace(_largest_share(split), new, golden)
            elif split != {new: FULL_TRAFFIC}:  # an interrupted deployment left its canary
                self._verify(new, golden)
                self._traffic.set_split({new: FULL_TRAFFIC})
            self._verify(new, golden)
        return self.describe()

    def describe(self) -> Deployment:
        """Return the version with most of the traffic, and its digest in the registry.

        Raises:
            EndpointError: There is no such endpoint, or it serves nothing yet.
        """
        from mlflow.exceptions import MlflowException

        with translate_errors(self._url, self._workspace_id, EndpointError, MlflowException):
            split = self._traffic.get_split()
            if not split:
                raise EndpointError(
                    f"{self._url} serves nothing, expected a model; run kedro run --pipelines "
                    "deploy"
                )
            served = _largest_share(split)
            digest = self._registered_digest(served)
        return Deployment(self._url, served.name, served.version, digest)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with translate_errors(self._url, self._workspace_id, EndpointError):
            return self._request(images)[0]

    def _start(self, new: ServedVersion, golden: Golden, *, is_existing: bool) -> None:
        """Serve the first version; an endpoint without a verified version is deleted."""
        try:
            if is_existing:
                self._traffic.set_split({new: FULL_TRAFFIC})
            else:
                self._traffic.create(new)
            self._verify(new, golden)
        except BaseException:
            self._traffic.delete()
            raise

    def _replace(self, old: ServedVersion, new: ServedVersion, golden: Golden) -> None:
        """Replace the old version with the new one, or restore the old one."""
        try:
            self._traffic.set_split(
                {old: FULL_TRAFFIC - self._canary_percent, new: self._canary_percent}
            )
            self._verify(new, golden)
            self._sample_canary(new, golden)
        except BaseException:
            self._traffic.set_split({old: FULL_TRAFFIC})
            raise
        self._traffic.set_split({new: FULL_TRAFFIC})

    def _verify(self, served: ServedVersion, golden: Golden) -> None:
        """Compare the predictions of that version for the golden set with the recorded ones.

        Raises:
            EndpointError: A prediction is not the recorded one.
        """
        probabilities, _ = self._request(golden.images, served.entity_name)
        self._compare(probabilities, golden, served)

    def _sample_canary(self, canary: ServedVersion, golden: Golden) -> None:
        """Send as many requests as the canary needs, on average, to serve three of them."""
        requests = math.ceil(_CANARY_RESPONSES * FULL_TRAFFIC / max(1, self._canary_percent))
        seen = 0
        for _ in range(requests):
            probabilities, entity_name = self._request(golden.images)
            if entity_name == canary.entity_name:
                self._compare(probabilities, golden, canary)
                seen += 1
        logger.info("canary %s: %d of %d responses, all right", canary.version, seen, requests)

    def _compare(
        self, probabilities: NDArray[np.float64], golden: Golden, served: ServedVersion
    ) -> None:
        difference = float(np.abs(probabilities - golden.expected).max(initial=0))
        if not difference <= CROSS_HOST_TOLERANCE:  # written so that NaN fails
            raise EndpointError(
                f"version {served.version} at {self._url} differs by up to {difference:.2g} from "
                f"its golden answers, expected at most {CROSS_HOST_TOLERANCE:.0g}; it gets no "
                "traffic: promote the model again"
            )

    def _request(
        self, images: NDArray[np.uint8], entity_name: str | None = None
    ) -> tuple[NDArray[np.float64], str]:
        """Return the probabilities, and the name of the served entity that predicted them."""
        route = f"/served-models/{entity_name}" if entity_name else ""
        response = self._client.api_client.do(
            "POST",
            f"/serving-endpoints/{self._name}{route}/invocations",
            body={"instances": images.tolist()},
            response_headers=["served-model-name"],
        )
        try:
            probabilities = np.array(response["predictions"], dtype=np.float64)
            is_valid = probabilities.shape == (len(images), 10)
        except (KeyError, TypeError, ValueError):
            is_valid = False
        if not is_valid:
            raise EndpointError(
                f"{self._url} returned no predictions, expected ten probabilities for each image; "
                "check that the endpoint is the model's"
            )
        return probabilities, str(response.get("served-model-name"))

    def _registered_digest(self, served: ServedVersion) -> str:
        from mlflow import MlflowClient

        registry = MlflowClient(tracking_uri="databricks", registry_uri=UNITY_CATALOG)
        digest: str = registry.get_model_version(served.name, served.version).tags.get(DIGEST, "")
        return digest


def _largest_share(split: Split) -> ServedVersion:
    """Return the version with most of the traffic."""
    return max(split, key=lambda served: split[served])
