"""A Model Serving endpoint: updated without a gap, tried by a canary, proved on the golden set.

A new version first runs beside the old one with a small share of the traffic. It is asked for its
golden answers by its own route, and through the endpoint's; only when all are right does it get
all of the traffic, and otherwise the old configuration comes back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.databricks.traffic import FULL_TRAFFIC, Served, Traffic, entity_name
from crosscloud_mnist.adapters.databricks.workspace import (
    UNITY_CATALOG,
    access,
    connect,
    translate_errors,
)
from crosscloud_mnist.adapters.mlflow.versions import DIGEST
from crosscloud_mnist.bundle import CROSS_HOST_TOLERANCE, Bundle, Golden
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import Deployment, ModelVersion

_CANARY_ANSWERS = 3  # how many of the canary's answers are expected to be seen

logger = logging.getLogger(__name__)


class DatabricksEndpoint:
    """One serving endpoint of one workspace, in a process that holds its credentials alone.

    Args:
        name: The endpoint's name.
        workspace_id: The id that must be reached before anything is written, if it is known.
        size: Workload size: ``Small``, ``Medium`` or ``Large``.
        scale_to_zero: Whether it may stop when nobody asks.
        canary: Percent of the traffic that a new version gets until it is proved.
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
        self._name, self._canary, self._workspace_id = name, canary, workspace_id
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
    def access(
        options: Mapping[str, Any], credentials: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what a process of its own is given: see ``isolation.ProcessProxy``.

        The option ``workspace`` is its URI, as of a registry: models come from Unity Catalog.
        """
        given = dict(options)
        _, workspace_id, variables = access(given.pop("workspace"), credentials)
        return {**given, "workspace_id": workspace_id}, variables

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``."""
        golden = Bundle(bundle, version.digest).golden()
        new = version.name, version.version
        with translate_errors(self._url, self._workspace_id, EndpointError):
            shares = self._traffic.get_split()
            if not shares:
                self._create(new, golden, there=shares is not None)
            elif _largest(shares) != new:
                self._replace(shares, new, golden)
            elif shares != {new: FULL_TRAFFIC}:  # a deployment that ended half-way left its canary
                self._prove(new, golden)
                self._traffic.set_split({new: FULL_TRAFFIC})
            self._prove(new, golden)
        return self.describe()

    def describe(self) -> Deployment:
        """Return what gets most of the traffic, and the digest that the registry has of it.

        Raises:
            EndpointError: There is no such endpoint, or it serves nothing yet.
        """
        from mlflow.exceptions import MlflowException

        with translate_errors(self._url, self._workspace_id, EndpointError, MlflowException):
            shares = self._traffic.get_split()
            if not shares:
                raise EndpointError(
                    f"{self._url} serves nothing, expected a model; run kedro run --pipelines deploy"
                )
            name, version = _largest(shares)
            digest = self._registered_digest(name, version)
        return Deployment(self._url, name, version, digest)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with translate_errors(self._url, self._workspace_id, EndpointError):
            return self._ask(images)[0]

    def _create(self, new: Served, golden: Golden, *, there: bool) -> None:
        """Make the endpoint, if one is not there already that serves nothing yet.

        One whose model fails its proof, or cannot be asked, does not stay.
        """
        with ExitStack() as otherwise:
            otherwise.callback(self._traffic.remove)
            if there:
                self._traffic.set_split({new: FULL_TRAFFIC})
            else:
                self._traffic.create(new)
            self._prove(new, golden)
            otherwise.pop_all()

    def _replace(self, shares: Mapping[Served, int], new: Served, golden: Golden) -> None:
        """Let the version take over from what has most of the traffic, or leave all as it was."""
        old = _largest(shares)
        with ExitStack() as otherwise:
            otherwise.callback(self._traffic.set_split, {old: FULL_TRAFFIC})
            self._traffic.set_split({old: FULL_TRAFFIC - self._canary, new: self._canary})
            self._prove(new, golden)
            self._sample_canary(new, golden)
            otherwise.pop_all()
        self._traffic.set_split({new: FULL_TRAFFIC})

    def _prove(self, served: Served, golden: Golden) -> None:
        """Ask the served version itself for its golden answers.

        Raises:
            EndpointError: An answer is not the recorded one.
        """
        answers, _ = self._ask(golden.images, entity_name(served))
        self._compare(answers, golden, served)

    def _sample_canary(self, canary: Served, golden: Golden) -> None:
        """Ask as callers do, until the canary's share of the traffic was likely seen."""
        asked = math.ceil(_CANARY_ANSWERS * FULL_TRAFFIC / max(1, self._canary))
        seen = 0
        for _ in range(asked):
            answers, answered_by = self._ask(golden.images)
            if answered_by == entity_name(canary):
                self._compare(answers, golden, canary)
                seen += 1
        logger.info("canary %s: %d of %d answers, all right", canary[1], seen, asked)

    def _compare(self, answers: NDArray[np.float64], golden: Golden, served: Served) -> None:
        difference = float(np.abs(answers - golden.expected).max(initial=0))
        if not difference <= CROSS_HOST_TOLERANCE:  # a NaN is refused as well
            raise EndpointError(
                f"version {served[1]} at {self._url} differs by up to {difference:.2g} from its "
                f"golden answers, expected at most {CROSS_HOST_TOLERANCE:.0g}; it gets no traffic: "
                "promote the model again"
            )

    def _ask(
        self, images: NDArray[np.uint8], entity: str | None = None
    ) -> tuple[NDArray[np.float64], str]:
        """Return the probabilities, and the served entity that gave them."""
        one = f"/served-models/{entity}" if entity else ""
        answer = self._client.api_client.do(
            "POST",
            f"/serving-endpoints/{self._name}{one}/invocations",
            body={"instances": images.tolist()},
            response_headers=["served-model-name"],
        )
        try:
            probabilities = np.array(answer["predictions"], dtype=np.float64)
            fits = probabilities.shape == (len(images), 10)
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise EndpointError(
                f"{self._url} answered something else than predictions, expected ten "
                "probabilities for each image; check that the endpoint is the model's"
            )
        return probabilities, str(answer.get("served-model-name"))

    def _registered_digest(self, name: str, version: str) -> str:
        from mlflow import MlflowClient

        registry = MlflowClient(tracking_uri="databricks", registry_uri=UNITY_CATALOG)
        digest: str = registry.get_model_version(name, version).tags.get(DIGEST, "")
        return digest


def _largest(shares: Mapping[Served, int]) -> Served:
    """Return what gets most of the traffic."""
    return max(shares, key=lambda served: shares[served])
