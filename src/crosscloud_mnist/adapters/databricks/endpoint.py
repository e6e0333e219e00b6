"""A Model Serving endpoint: updated without downtime by a canary, verified on the golden set.

A new version first gets a small share of the traffic beside the old one. Its predictions for the
golden set are verified, both on its own route and on the endpoint's. Only if all are right does it
get all of the traffic, and is verified once more. After any failure the old version gets all of the
traffic again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.invocations import Invocations
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
from crosscloud_mnist.adapters.mlflow.base_versions import DIGEST
from crosscloud_mnist.bundle import Bundle, Golden
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
        self._canary_percent = canary
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
            split = self._traffic.get_split()
            if split is None:
                self._create(new, golden)
            elif not split:
                self._fill(new, golden)
            elif split == {new: FULL_TRAFFIC}:
                with self._name_outcome(
                    "it was deployed before, and still gets all of the traffic"
                ):
                    self._invocations.verify(new, golden)
            elif _largest_share(split) == new:
                self._complete(split, new, golden)
            else:
                self._replace(_largest_share(split), new, golden)
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
            served = _largest_share(split)
            digest = self._registered_digest(served)
        return Deployment(self._url, served.name, served.version, digest)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with self._translate_errors():
            return self._invocations.predict(images)[0]

    def _create(self, new: ServedVersion, golden: Golden) -> None:
        """Create the endpoint with its first version; delete it again if that is not verified."""
        # Not undone: where the request fails, the endpoint may be one that was created meanwhile.
        self._traffic.create(new)
        with self._undo_on_failure(self._traffic.delete, "the new endpoint was deleted"):
            self._traffic.wait_for_update()
            self._invocations.verify(new, golden)

    def _fill(self, new: ServedVersion, golden: Golden) -> None:
        """Serve the first version of an endpoint that exists and serves nothing.

        The service cannot empty an endpoint, and one that others created is not deleted.
        """
        with self._name_outcome("the endpoint served nothing before, and was not deleted"):
            self._traffic.set_split({new: FULL_TRAFFIC})
        with self._name_outcome(
            f"version {new.version} gets all of the traffic, as the endpoint existed before and "
            "was not deleted: delete it or deploy another version"
        ):
            self._invocations.verify(new, golden)

    def _complete(self, split: Split, new: ServedVersion, golden: Golden) -> None:
        """Give all of the traffic to a version that has most of it since an earlier deployment."""
        undo = partial(self._traffic.set_split, split)
        with self._undo_on_failure(undo, "the traffic is split as before"):
            self._invocations.verify(new, golden)
            self._traffic.set_split({new: FULL_TRAFFIC})
            self._invocations.verify(new, golden)

    def _replace(self, old: ServedVersion, new: ServedVersion, golden: Golden) -> None:
        """Replace the old version with the new one, or restore the old one."""
        undo = partial(self._traffic.set_split, {old: FULL_TRAFFIC})
        with self._undo_on_failure(undo, f"version {old.version} gets all of the traffic again"):
            self._traffic.set_split(
                {old: FULL_TRAFFIC - self._canary_percent, new: self._canary_percent}
            )
            self._invocations.verify(new, golden)
            self._invocations.sample_canary(new, golden, self._canary_percent)
            self._traffic.set_split({new: FULL_TRAFFIC})
            self._invocations.verify(new, golden)

    @contextmanager
    def _undo_on_failure(self, undo: Callable[[], None], outcome: str) -> Iterator[None]:
        """Call ``undo`` where the block fails or is interrupted, and say in the error what it did.

        Raises:
            EndpointError: The block failed; where ``undo`` failed too, the error says both.
        """
        try:
            with self._translate_errors():
                yield
        except EndpointError as error:
            try:
                with self._translate_errors():
                    undo()
            except EndpointError as undo_error:
                outcome = f"nothing could be restored ({undo_error}): look at the endpoint"
            raise EndpointError(f"{error}; {outcome}") from error
        except BaseException:
            undo()
            raise

    @contextmanager
    def _name_outcome(self, outcome: str) -> Iterator[None]:
        """Say in the block's error what the endpoint serves after it."""
        try:
            with self._translate_errors():
                yield
        except EndpointError as error:
            raise EndpointError(f"{error}; {outcome}") from error

    def _registered_digest(self, served: ServedVersion) -> str:
        from mlflow import MlflowClient

        registry = MlflowClient(tracking_uri="databricks", registry_uri=UNITY_CATALOG)
        digest: str = registry.get_model_version(served.name, served.version).tags.get(DIGEST, "")
        return digest


def _largest_share(split: Split) -> ServedVersion:
    """Return the version with most of the traffic."""
    return max(split, key=lambda served: split[served])
