"""Versions in an open-source MLflow registry, whose files are those of a logged model there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.mlflow import orphans
from crosscloud_mnist.adapters.mlflow.artifacts import download
from crosscloud_mnist.adapters.mlflow.base_versions import (
    DIGEST,
    BaseVersions,
    find_by_digest,
    search_versions,
    to_model_version,
)
from crosscloud_mnist.adapters.mlflow.logged_models import create_logged_model
from crosscloud_mnist.adapters.mlflow.registered_models import ensure_registered
from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider
    from crosscloud_mnist.adapters.mlflow.experiments import Experiments

_ABSENT = ("RESOURCE_DOES_NOT_EXIST",)


class MlflowVersions(BaseVersions):
    """The registered versions of one MLflow store or server: see ``ports.Versions``.

    Args:
        clients: The workspace.
        experiments: Of that workspace.
        experiment: The name of the experiment that the copies belong to.
    """

    def __init__(self, clients: ClientProvider, experiments: Experiments, experiment: str) -> None:
        # A missing alias is INVALID_PARAMETER_VALUE, a missing model RESOURCE_DOES_NOT_EXIST.
        super().__init__(
            clients,
            absent_version=_ABSENT,
            absent_alias=(*_ABSENT, "INVALID_PARAMETER_VALUE"),
        )
        self._experiments, self._experiment = experiments, experiment

    def find_version(self, name: str, digest: str) -> ModelVersion | None:
        """Return the lowest complete version with the digest, if there is one."""
        with self._clients.registry_client() as client:
            versions = search_versions(client, name)
        return find_by_digest(versions, digest)

    def create_version(
        self, name: str, folder: Path, *, digest: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Upload ``folder`` as a logged model, and register that as a new version of ``name``."""
        with self._clients.registry_client() as client:
            ensure_registered(client, name, _ABSENT)
            own_tags = {DIGEST: digest, orphans.PROMOTED_AS: name}
            experiment_id = self._experiments.get_id(client, self._experiment)
            run = client.create_run(experiment_id, run_name="register_remote", tags=own_tags)
            model = create_logged_model(
                client, self._clients, folder, run, tags={**tags, **own_tags}, params={}
            )
            version = client.create_model_version(
                name,
                source=model.artifact_location,
                run_id=run.info.run_id,
                model_id=model.model_id,
                tags={**tags, DIGEST: digest},
                description=description,
            )
            client.set_terminated(run.info.run_id)
        return to_model_version(version)

    def delete_version(self, version: ModelVersion) -> None:
        """Remove a version that this run created, with its files."""
        with self._clients.registry_client() as client:
            run_id = client.get_model_version(version.name, version.version).run_id
            client.delete_model_version(version.name, version.version)
            if run_id:
                orphans.delete_copy(client, version.name, run_id)

    def delete_orphans(self, name: str, digest: str, orphan_ttl_seconds: float) -> None:
        """Remove what interrupted promotions left behind: see ``ports.Versions``."""
        with self._clients.registry_client() as client:
            experiment_id = self._experiments.get_id(client, self._experiment)
            orphans.delete_orphans(client, experiment_id, name, digest, orphan_ttl_seconds)

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        """Write the version's files into ``folder``, which must not exist."""
        with self._clients.registry_client() as client:
            location = client.get_model_version_download_uri(version.name, version.version)
            download(location, folder, self._clients)
