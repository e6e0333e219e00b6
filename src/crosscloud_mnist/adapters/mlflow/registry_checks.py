"""Checks of a model registry: what promotion does to it, done to a scratch name."""

from __future__ import annotations

import contextlib
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import CrosscloudError, RegistryError
from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step
from crosscloud_mnist.ports import ModelVersion, Versions

if TYPE_CHECKING:
    from crosscloud_mnist.adapters.mlflow.clients import ClientProvider

_ALIAS, _MISSING_ALIAS = "doctor", "doctor_missing"
_SEARCH_SECONDS, _PAUSE_SECONDS = 15.0, 0.5
_TAG, _VALUE = "doctor", "scratch"
# Unity Catalog takes no version without a signature.
_MLMODEL = """\
flavors:
  python_function: {{loader_module: none, python_version: 3.11.0}}
model_uuid: {model_id}
signature:
  inputs: '[{{"type": "double", "name": "in", "required": true}}]'
  outputs: '[{{"type": "double", "name": "out", "required": true}}]'
"""


class ScratchModel:
    """A registered model that only ``doctor`` uses, and the steps that check it.

    Args:
        clients: The workspace.
        versions: Its registered versions.
        model_name: The registered model in production, which is not touched.
        name: The registered model to use; ``None`` or an empty name creates one beside the one in
            production.
        may_create: Returns whether this identity may create one; not asked where ``name`` is given.
        describe_upload: Returns how the version's files were uploaded.
    """

    def __init__(
        self,
        clients: ClientProvider,
        versions: Versions,
        model_name: str,
        *,
        name: str | None = None,
        may_create: Callable[[], bool] = lambda: True,
        describe_upload: Callable[[ModelVersion], str] | None = None,
    ) -> None:
        self._clients, self._versions = clients, versions
        self._is_own = not name
        self._id = uuid.uuid4().hex
        self._name = name or f"{model_name}_doctor_{self._id[:12]}"
        self._may_create, self._describe_upload = may_create, describe_upload
        self._created: list[ModelVersion] = []
        self._has_alias = False

    def steps(self, requires: Sequence[str] = ()) -> list[Step]:
        """Return the steps.

        Args:
            requires: Checks that must pass first.
        """
        upload = ["upload"]
        return [
            Step(
                "upload",
                "a new version with its files",
                self._upload,
                requires,
                timeout_seconds=60,
            ),
            Step("version tag", "the tag that was set", self._check_tag, upload),
            Step("alias", "the version that was set", self._check_alias, upload),
            Step("missing alias", "no version", self._check_missing_alias, upload),
            Step("missing model", "no version", self._check_missing_model, requires),
            Step("delete", "no version", self._delete, upload),
        ]

    def remove(self) -> None:
        """Remove what the steps left behind, where one of them failed."""
        with contextlib.suppress(CrosscloudError):
            self._delete_alias()
        for version in self._created:
            with contextlib.suppress(CrosscloudError):
                self._versions.delete_version(version)
        if self._is_own:
            with contextlib.suppress(CrosscloudError), self._clients.registry_client() as client:
                client.delete_registered_model(self._name)

    def _upload(self) -> str:
        if self._is_own and not self._may_create():
            raise NotApplicableError(
                "not checked without CREATE MODEL: name a registered model that this identity owns "
                "in MNIST_SCRATCH_MODEL"
            )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            folder.mkdir()
            (folder / "MLmodel").write_text(_MLMODEL.format(model_id=self._id))
            (folder / "scratch.txt").write_text(self._id)
            version = self._versions.create_version(
                self._name, folder, digest=self._id, tags={}, description="Scratch of doctor."
            )
        self._created.append(version)
        self._await_search(version)
        upload = f", {self._describe_upload(version)}" if self._describe_upload else ""
        return f"{self._name} {version.version}{upload}"

    def _await_search(self, version: ModelVersion) -> None:
        """Wait until the version is found by its digest: a search shows a write only later."""
        deadline = time.monotonic() + _SEARCH_SECONDS
        while True:
            found = self._versions.find_version(self._name, self._id)
            if found is not None and found.version == version.version:
                return
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{self._name} {version.version} is not found by its digest after "
                    f"{_SEARCH_SECONDS:.0f} s, expected it ready with its tags; run again, and "
                    "report it if it fails again"
                )
            time.sleep(_PAUSE_SECONDS)

    def _version(self) -> ModelVersion:
        if not self._created:
            raise NotApplicableError("there is no scratch version")
        return self._created[0]

    def _check_tag(self) -> str:
        version = self._version()
        self._versions.tag_version(version, {_TAG: _VALUE})
        found = self._versions.get_version(version.name, version.version)
        value = found and found.tags.get(_TAG)
        if value != _VALUE:
            raise RegistryError(f"the tag is {value!r} after it was set, expected {_VALUE!r}")
        return f"{_TAG}={value}"

    def _check_alias(self) -> str:
        version = self._version()
        self._versions.set_alias(version, _ALIAS)
        self._has_alias = True
        found = self._versions.get_version_by_alias(version.name, _ALIAS)
        if found is None or found.version != version.version:
            raise RegistryError(
                f"the alias points to {found and found.version} after it was set, expected "
                f"version {version.version}"
            )
        return f"{_ALIAS} points to version {found.version}"

    def _check_missing_alias(self) -> str:
        found = self._versions.get_version_by_alias(self._name, _MISSING_ALIAS)
        if found is not None:
            raise RegistryError(f"{_MISSING_ALIAS} points to {found.version}, expected no version")
        return "no version"

    def _check_missing_model(self) -> str:
        found = self._versions.get_version(f"{self._name}_missing", "1")
        if found is not None:
            raise RegistryError(f"{found.name} has a version, expected no such model")
        return "no version"

    def _delete(self) -> str:
        version = self._version()
        self._delete_alias()
        self._versions.delete_version(version)
        if self._versions.get_version(version.name, version.version) is not None:
            raise RegistryError(f"{version.name} {version.version} still exists, expected it gone")
        self._created.clear()
        return "no version"

    def _delete_alias(self) -> None:
        if self._has_alias:
            with self._clients.registry_client() as client:
                client.delete_registered_model_alias(self._name, _ALIAS)
            self._has_alias = False
