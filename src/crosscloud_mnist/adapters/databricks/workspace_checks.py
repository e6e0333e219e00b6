"""Checks of one Databricks workspace, in the process that has only its credentials."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.databricks.access import resolve_access
from crosscloud_mnist.adapters.databricks.candidate_checks import CandidateChecks
from crosscloud_mnist.adapters.databricks.clients import WorkspaceClients
from crosscloud_mnist.adapters.databricks.grant_checks import (
    MODEL,
    OWNER,
    VOLUME,
    Needs,
    may_create_model,
)
from crosscloud_mnist.adapters.databricks.serving_checks import ServingChecks
from crosscloud_mnist.adapters.databricks.upload_checks import describe_upload
from crosscloud_mnist.adapters.databricks.versions import UnityCatalogVersions
from crosscloud_mnist.adapters.databricks.workspace import UNITY_CATALOG, connect
from crosscloud_mnist.adapters.mlflow.registry_checks import ScratchModel
from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step, run_steps
from crosscloud_mnist.isolation.process_config import PLACEHOLDER_TOKEN, ProcessConfig
from crosscloud_mnist.ports import Check
from crosscloud_mnist.reachability import check_reachable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_HOST = "DATABRICKS_HOST"
_VOLUMES = "/Volumes/"
_MAX_SKEW_SECONDS = 60
_TIMEOUT_SECONDS = 10


class WorkspaceChecks:
    """Checks what one workspace is needed for: see ``ports.Checker``.

    Args:
        area: Title of its checks.
        roles: Which of ``source``, ``target`` and ``serve_from`` it is.
        storage: The storage folder, where this is the workspace of the cluster.
        experiment: Absolute path in the workspace.
        model_name: The registered model, three levels.
        endpoint_name: Name of the serving endpoint.
        has_inference_table: Whether conf wants an inference table of it.
        candidate: URI of the version that is to be promoted, if one is named.
        scratch_model: A registered model for the scratch version; ``None`` or an empty
            name creates one.
        workspace_id: The id that must be reached, if it is known.
    """

    def __init__(
        self,
        *,
        area: str,
        roles: Sequence[str],
        storage: str | None,
        candidate: str | None,
        experiment: str,
        model_name: str,
        endpoint_name: str,
        image_shape: Sequence[int],
        has_inference_table: bool,
        scratch_model: str | None,
        workspace_id: str | None = None,
    ) -> None:
        self._area, self._roles, self._storage = area, roles, storage
        self._experiment, self._model_name = experiment, model_name
        self._workspace_id = workspace_id
        self._serving = ServingChecks(
            self._open_client,
            endpoint_name,
            image_shape=image_shape,
            has_inference_table=has_inference_table,
        )
        self._scratch_model, self._candidate = scratch_model, candidate

    @staticmethod
    def process_config(
        options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> ProcessConfig:
        """Return what the workspace's process is given: see ``ProcessConfig``.

        The option ``uri`` is the workspace's.
        """
        remaining = dict(options)
        access = resolve_access(str(remaining.pop("uri")), credentials)
        return access.process_config({**remaining, "workspace_id": access.workspace_id})

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of the workspace."""
        clients = WorkspaceClients(UNITY_CATALOG, self._workspace_id)
        scratch = ScratchModel(
            clients,
            UnityCatalogVersions(clients),
            self._model_name,
            name=self._scratch_model,
            may_create=self._may_create_model,
            describe_upload=describe_upload,
        )
        try:
            return run_steps(self._area, list(self._steps(scratch)), earlier)
        finally:
            scratch.remove()

    def _steps(self, scratch: ScratchModel) -> Iterator[Step]:
        yield Step("network", "a Databricks workspace", self._reach)
        yield Step(
            "clock",
            f"at most {_MAX_SKEW_SECONDS} s from the workspace's",
            self._check_clock,
            ["network"],
            remedy="set this machine's clock by NTP",
        )
        yield Step(
            "sign-in", "the workspace of the credentials", self._sign_in, ["network", "clock"]
        )
        yield from self._needs().steps(self._open_client)
        if "source" in self._roles:
            yield Step("experiment", "an experiment", self._check_experiment, ["sign-in"])
            clients = WorkspaceClients(UNITY_CATALOG, self._workspace_id)
            yield from CandidateChecks(clients, self._candidate).steps()
        if "target" in self._roles:
            model_schema = f"schema {self._model_name.rpartition('.')[0]}"
            yield from scratch.steps(["sign-in", model_schema])
        if "serve_from" in self._roles:
            yield from self._serving.steps()

    def _needs(self) -> Needs:
        needs = Needs()
        if self._storage and self._storage.startswith(_VOLUMES):
            levels = self._storage.removeprefix(_VOLUMES).split("/")
            needs.add(VOLUME, ".".join(levels[:3]), "READ_VOLUME", "WRITE_VOLUME")
        if "target" in self._roles:
            needs.add(MODEL, self._model_name, OWNER)
        if "serve_from" in self._roles:
            needs.add(MODEL, self._model_name, "EXECUTE")
        return needs

    def _reach(self) -> str:
        check_reachable(os.environ[_HOST], "a Databricks workspace", RegistryError)
        return os.environ[_HOST]

    def _check_clock(self) -> str:
        import requests

        response = requests.head(os.environ[_HOST], timeout=_TIMEOUT_SECONDS)
        date = response.headers.get("date")
        if not date:
            raise NotApplicableError("the workspace's responses have no date")
        skew_seconds = time.time() - parsedate_to_datetime(date).timestamp()
        if abs(skew_seconds) > _MAX_SKEW_SECONDS:
            raise RegistryError(
                f"this machine's clock differs by {skew_seconds:+.0f} s from the workspace's, "
                f"expected at most {_MAX_SKEW_SECONDS} s: tokens and signed addresses have a time; "
                "set it by NTP"
            )
        return f"{skew_seconds:+.0f} s"

    def _sign_in(self) -> str:
        client, reached = connect(self._workspace_id, RegistryError)
        user = client.current_user.me().user_name
        is_placeholder = client.config.token == PLACEHOLDER_TOKEN
        way = "the parent's sign-in" if is_placeholder else client.config.auth_type
        return f"{reached} as {user} by {way}"

    def _open_client(self) -> WorkspaceClient:
        return connect(self._workspace_id, RegistryError)[0]

    def _may_create_model(self) -> bool:
        return may_create_model(self._open_client(), self._model_name.rpartition(".")[0])

    def _check_experiment(self) -> str:
        with WorkspaceClients(UNITY_CATALOG, self._workspace_id).client() as client:
            experiment = client.get_experiment_by_name(self._experiment)
        if experiment is None:
            raise NotApplicableError(f"{self._experiment} does not exist yet")
        return f"{self._experiment} ({experiment.experiment_id})"
