"""Checks of the MLflow stores or servers that stand for workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from crosscloud_mnist.adapters.mlflow.clients import MlflowClients
from crosscloud_mnist.adapters.mlflow.credentials import process_config
from crosscloud_mnist.adapters.mlflow.experiments import Experiments
from crosscloud_mnist.adapters.mlflow.mlflow_versions import MlflowVersions
from crosscloud_mnist.adapters.mlflow.registry_checks import ScratchModel
from crosscloud_mnist.isolation.check_runner import Step, run_steps
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import Check
from crosscloud_mnist.redaction import mask_uris


class Role(TypedDict):
    """How a workspace is reached.

    Attributes:
        uri: Its address.
        credentials: Environment variables of its process.
        model: What is to be promoted from it, if it is named.
    """

    uri: str
    credentials: Mapping[str, object]
    model: NotRequired[str | None]


class MlflowChecks:
    """Checks every store or server, each in a process of its own: see ``ports.Checker``.

    Args:
        roles: ``source``, ``target`` and ``serve_from``.
        experiment: The experiment of the scratch version's files.
        model_name: The registered model; the scratch model's name begins with it.
    """

    def __init__(self, *, roles: Mapping[str, Role], experiment: str, model_name: str) -> None:
        self._roles = roles
        self._options = {"experiment": experiment, "model_name": model_name}

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of every store or server."""
        checks: list[Check] = []
        uris = {role["uri"]: role["credentials"] for role in self._roles.values()}
        for uri, credentials in uris.items():
            names = [name for name, role in self._roles.items() if role["uri"] == uri]
            options = {**self._options, "uri": uri, "area": ", ".join(names)}
            store = IsolatedAdapter(f"{__name__}.StoreChecks", options, credentials)
            checks += store.check([*earlier, *checks])
        return checks


class StoreChecks:
    """Checks one store or server, in its own process: see ``ports.Checker``.

    Args:
        uri: ``sqlite:///...`` or the server's address, without user and password.
        area: The roles that it has.
        experiment: The experiment of the scratch version's files.
        model_name: The registered model.
    """

    process_config = staticmethod(process_config)

    def __init__(self, *, uri: str, area: str, experiment: str, model_name: str) -> None:
        self._clients, self._area = MlflowClients(uri), area
        experiments = Experiments(self._clients.artifact_location)
        self._versions = MlflowVersions(self._clients, experiments, experiment)
        self._model_name = model_name

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of the store."""
        sign_in = Step("sign-in", "an MLflow store or server", self._sign_in)
        scratch = ScratchModel(self._clients, self._versions, self._model_name)
        try:
            return run_steps(self._area, [sign_in, *scratch.steps(["sign-in"])], earlier)
        finally:
            scratch.remove()

    def _sign_in(self) -> str:
        return f"{mask_uris(self._clients.workspace())} as {self._clients.user()}"
