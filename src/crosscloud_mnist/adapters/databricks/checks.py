"""Checks of the Databricks workspaces: each one by a process that has only its credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from crosscloud_mnist.adapters.databricks.runtime import read_secrets
from crosscloud_mnist.adapters.mlflow.checks import Role
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.check_runner import Step, run_steps
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import Check, Checker

_WORKSPACE_CHECKS = "crosscloud_mnist.adapters.databricks.workspace_checks.WorkspaceChecks"
_SCOPES = "crosscloud_mnist.adapters.databricks.secrets.SecretScopes"
_THIS = "this workspace"
_PREFIX = "DATABRICKS_"  # of the variables without which no workspace is reached
_SECRET_NAMES = ("host", "workspace-id", "token", "client-id", "client-secret")
_REQUIRED_SECRETS = ("host", "workspace-id")
_CREDENTIALS = ("token", "client-id")  # with client-id alone an OIDC token signs in
_WRITE_SECRETS = "write them with the command crosscloud-mnist-secrets"


class DatabricksChecks:
    """Checks this workspace, and every other that conf names by a scope: see ``ports.Checker``.

    Args:
        roles: ``source``, ``target`` and ``serve_from``: URI of each, and the credentials of this
            workspace; of ``source`` also the version that is to be promoted, if one is named.
        storage: The storage folder: a volume of this workspace, if it begins with ``/Volumes``.
        experiment: Absolute path in the workspace.
        model_name: The registered model, three levels.
        endpoint_name: Name of the serving endpoint.
        image_shape: Of an image, as the contract in conf has it.
        has_inference_table: Whether conf wants an inference table of it.
        scratch_model: A registered model that the scratch version may be created in; ``None``
            or an empty name creates one, which needs ``CREATE MODEL``.
    """

    def __init__(
        self,
        *,
        roles: Mapping[str, Role],
        storage: str,
        experiment: str,
        model_name: str,
        endpoint_name: str,
        image_shape: Sequence[int],
        has_inference_table: bool,
        scratch_model: str | None = None,
    ) -> None:
        self._roles, self._storage = roles, storage
        self._options = {
            "experiment": experiment,
            "model_name": model_name,
            "endpoint_name": endpoint_name,
            "image_shape": list(image_shape),
            "has_inference_table": has_inference_table,
            "scratch_model": scratch_model,
        }

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of every workspace: of this one first, as it holds the secrets."""
        variables = [
            check.title
            for check in earlier
            if check.area == "environment" and check.name.startswith(_PREFIX)
        ]
        checks = self._check_workspace("databricks", _THIS, variables, earlier)
        scopes = filter(None, (_scope(role["uri"]) for role in self._roles.values()))
        for scope_prefix in dict.fromkeys(scopes):
            step = Step(
                f"secrets of {scope_prefix}",
                "host, workspace-id, and token or client-id",
                partial(self._check_secrets, scope_prefix),
                requires=["credentials", "sign-in"],
                remedy=_WRITE_SECRETS,
            )
            checks += run_steps(_THIS, [step], [*earlier, *checks])
            checks += self._check_workspace(
                f"databricks-uc://{scope_prefix}",
                "other workspace",
                [f"{_THIS}: {step.name}"],
                [*earlier, *checks],
            )
        return checks

    def _check_workspace(
        self, uri: str, title: str, requires: Sequence[str], earlier: Sequence[Check]
    ) -> list[Check]:
        """Check one workspace for the roles that it has; the area of another one names them."""
        scope_prefix = _scope(uri)
        names = [name for name, role in self._roles.items() if _scope(role["uri"]) == scope_prefix]
        area = f"{title} ({', '.join(names)})" if scope_prefix else title
        options = {
            **self._options,
            "uri": uri,
            "area": area,
            "roles": names,
            "candidate": self._roles["source"].get("model") if "source" in names else None,
            "storage": None if scope_prefix else self._storage,
        }
        created: list[Checker] = []

        def create_process() -> str:
            created.append(IsolatedAdapter(_WORKSPACE_CHECKS, options, self._credentials))
            return "complete"

        step = Step("credentials", "an address and credentials", create_process, requires)
        checks = run_steps(area, [step], earlier)
        if created:
            checks += created[0].check([*earlier, *checks])
        return checks

    @property
    def _credentials(self) -> Mapping[str, object]:
        """The credentials of this workspace, which conf gives to every role."""
        return next(iter(self._roles.values()))["credentials"]

    def _check_secrets(self, scope_prefix: str) -> str:
        scope, _, prefix = scope_prefix.partition(":")
        values = self._read_secrets(scope, prefix)
        missing = [name for name in _REQUIRED_SECRETS if not values.get(name)]
        has_credentials = any(map(values.get, _CREDENTIALS))
        if missing or not has_credentials:
            missing += [] if has_credentials else ["token"]
            keys = ", ".join(f"{prefix}-{name}" for name in missing)
            raise ConfigurationError(
                f"scope {scope} has no {keys}, expected {prefix}-host, {prefix}-workspace-id and "
                f"{prefix}-token, or -client-id with -client-secret or without; {_WRITE_SECRETS}"
            )
        return ", ".join(f"{prefix}-{name}" for name in values)

    def _read_secrets(self, scope: str, prefix: str) -> dict[str, str]:
        """Read them as the product does: by ``dbutils`` on a cluster, by the API elsewhere."""
        values = read_secrets(scope, prefix, _SECRET_NAMES)
        if values is None:
            values = IsolatedAdapter(_SCOPES, {}, self._credentials).read(scope, prefix)
        return values


def _scope(uri: str) -> str:
    """Return ``scope:prefix`` of the workspace; nothing for this workspace."""
    return uri.partition("://")[2]
