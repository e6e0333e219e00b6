"""What every MLflow registry does alike with the versions of a registered model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from crosscloud_mnist.adapters.mlflow.pages import read_pages
from crosscloud_mnist.ports import ModelVersion

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowModelVersion

    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

DIGEST = "bundle_digest"

Found = TypeVar("Found")


def get_or_none(call: Callable[[], Found], absent_codes: Collection[str]) -> Found | None:
    """Return what the call returns, or ``None`` where the registry has no such version or alias.

    Args:
        call: A request to the registry.
        absent_codes: MLflow's error codes that mean "does not exist" for this request there. Any
            other error is raised, such as a missing permission.
    """
    from mlflow.exceptions import MlflowException

    try:
        return call()
    except MlflowException as error:
        if error.error_code in absent_codes:
            return None
        raise


def to_model_version(version: MlflowModelVersion) -> ModelVersion:
    """Return the port's ``ModelVersion`` of MLflow's; its digest is ``""`` without the tag."""
    tags = dict(version.tags)
    return ModelVersion(version.name, str(version.version), tags.get(DIGEST, ""), tags)


def search_versions(client: MlflowClient, name: str) -> list[MlflowModelVersion]:
    """Return every version of the registered model; in Unity Catalog without tags."""
    return list(
        read_pages(lambda token: client.search_model_versions(f"name = '{name}'", page_token=token))
    )


def find_by_digest(versions: Iterable[MlflowModelVersion], digest: str) -> ModelVersion | None:
    """Return the lowest complete version with the digest, if there is one."""
    same = [each for each in versions if each.tags.get(DIGEST) == digest and each.status == "READY"]
    return to_model_version(min(same, key=lambda each: int(each.version))) if same else None


class BaseVersions:
    """The requests that open-source MLflow and Unity Catalog handle in the same way.

    Args:
        clients: The workspace.
        absent_version: Error codes that mean that a version does not exist.
        absent_alias: Error codes that mean that no version has an alias.
    """

    def __init__(
        self,
        clients: ClientProvider,
        *,
        absent_version: Collection[str],
        absent_alias: Collection[str],
    ) -> None:
        self._clients = clients
        self._absent_version, self._absent_alias = absent_version, absent_alias

    def get_version(self, name: str, number: str) -> ModelVersion | None:
        """Return the version of that number: see ``ports.Versions``."""
        with self._clients.registry_client() as client:
            found = get_or_none(
                lambda: client.get_model_version(name, number), self._absent_version
            )
        return to_model_version(found) if found else None

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """Set tags on the version."""
        with self._clients.registry_client(changes=version.name) as client:
            for name, value in tags.items():
                client.set_model_version_tag(version.name, version.version, name, value)

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Point the alias to the version."""
        with self._clients.registry_client(changes=version.name) as client:
            client.set_registered_model_alias(version.name, alias, version.version)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that the alias points to: see ``ports.Versions``."""
        with self._clients.registry_client() as client:
            found = get_or_none(
                lambda: client.get_model_version_by_alias(name, alias), self._absent_alias
            )
        return to_model_version(found) if found else None
