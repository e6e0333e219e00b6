"""How the workspace that a URI means is reached: its address, and the credentials for it.

``databricks`` and ``databricks-uc`` mean the workspace of the credentials; with ``://scope:prefix``
they mean another one, whose address and credentials are secrets of the first:
https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/multiple-workspaces
MLflow reads ``<prefix>-host`` and ``<prefix>-token`` by ``dbutils`` only, and no other credentials
(mlflow/utils/databricks_utils.py, ``TrackingURIConfigProvider``). So they are resolved here, and
MLflow is given the plain URI in a process that has the credentials of no other workspace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crosscloud_mnist.adapters.databricks.runtime import read_secrets
from crosscloud_mnist.adapters.databricks.sign_in import TIMEOUT_SECONDS, WorkspaceSignIn
from crosscloud_mnist.adapters.databricks.workspace import HOST, ORGANIZATION, WORKSPACE_ID
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.isolation.process_config import (
    PLACEHOLDER_TOKEN,
    ProcessConfig,
    RequestHeaders,
)

_URI = re.compile(r"(databricks|databricks-uc)(?:://([^:/@]+):([^:/@]+))?")
_SECRETS = "crosscloud_mnist.adapters.databricks.secrets.SecretScopes"
_TOKEN = "DATABRICKS_TOKEN"  # noqa: S105  a variable's name
_CLIENT_ID, _CLIENT_SECRET = "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"
_VARIABLES = {  # by the end of the secret's name
    "host": HOST,
    "token": _TOKEN,
    "client-id": _CLIENT_ID,
    "client-secret": _CLIENT_SECRET,
    "workspace-id": WORKSPACE_ID,
}
_CLIENT_SETTINGS = {
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": str(TIMEOUT_SECONDS),
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class WorkspaceAccess:
    """How a workspace is reached.

    Attributes:
        uri: ``databricks`` or ``databricks-uc``, plain.
        workspace_id: The id that must be reached, if it is known.
        variables: Environment variables of its process: its host, and its credentials, if it has
            them.
        requests: What its requests carry: the workspace's id, and the authorization where this
            process signs in.
    """

    uri: str
    workspace_id: str | None
    variables: Mapping[str, str] = field(repr=False)
    requests: RequestHeaders

    def process_config(self, options: Mapping[str, object]) -> ProcessConfig:
        """Return what a process of the workspace is given, with these options of its adapter."""
        return ProcessConfig(options, self.variables, self.requests)


def resolve_access(uri: str, credentials: Mapping[str, object]) -> WorkspaceAccess:
    """Return how the workspace of the URI is reached.

    Args:
        uri: ``databricks`` or ``databricks-uc``, plain or with ``://scope:prefix``.
        credentials: ``DATABRICKS_HOST``, and ``DATABRICKS_TOKEN`` or ``DATABRICKS_CLIENT_ID`` and
            ``DATABRICKS_CLIENT_SECRET``, of the workspace that the plain URI means. Where none of
            them is given, databricks-sdk signs in.

    Raises:
        ConfigurationError: The URI or the credentials are not valid.
        RegistryError: The secrets cannot be read.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ConfigurationError(
            f"the workspace is {uri!r}, expected databricks or databricks-uc, plain or followed by "
            "://scope:prefix; set source, target and serve_from in the globals of the environment"
        )
    plain_uri, scope, prefix = match.groups()
    own = _select_variables(credentials)
    if scope is None:
        return _create_access(plain_uri, own)
    secrets = read_secrets(scope, prefix, tuple(_VARIABLES))
    if secrets is None:  # not on a cluster
        secrets = IsolatedAdapter(_SECRETS, {}, own).read(scope, prefix)
    found = _select_variables({_VARIABLES[name]: value for name, value in secrets.items()})
    return _create_access(plain_uri, found, scope=f"the secrets {prefix}-* of scope {scope}")


def own_process_config(
    options: Mapping[str, object], credentials: Mapping[str, object]
) -> ProcessConfig:
    """Return what a process of the workspace that the credentials are of is given."""
    return resolve_access("databricks", credentials).process_config(options)


def _select_variables(given: Mapping[str, object]) -> dict[str, str]:
    """Return those of a workspace that are not empty; its host with a scheme, as the SDK has it."""
    found = {name: str(given[name]) for name in _VARIABLES.values() if given.get(name)}
    if HOST in found and "://" not in found[HOST]:
        found[HOST] = f"https://{found[HOST]}"
    return found


def _create_access(uri: str, found: Mapping[str, str], scope: str | None = None) -> WorkspaceAccess:
    """Return how the workspace is reached with what was found of it.

    Args:
        uri: ``databricks`` or ``databricks-uc``.
        found: Host, credentials and workspace id by their variable, those that are given.
        scope: Which secrets these are, if they are another workspace's.
    """
    credentials = _select_credentials(found)
    has_both = _TOKEN in found and _CLIENT_SECRET in found
    is_complete = HOST in found and (bool(credentials) or _CLIENT_ID in found)
    if has_both or (scope is not None and not is_complete):
        raise ConfigurationError(
            f"{scope or 'the credentials of this workspace'} hold {', '.join(found) or 'nothing'}, "
            f"expected {HOST} and either {_TOKEN}, or {_CLIENT_ID} and {_CLIENT_SECRET}, or "
            f"{_CLIENT_ID} of a service principal that trusts this CI job; set them (the command "
            "crosscloud-mnist-secrets writes those of a scope)"
        )
    host, workspace_id, sign_in = found.get(HOST), found.get(WORKSPACE_ID), None
    if not credentials:
        sign_in = WorkspaceSignIn(host, found.get(_CLIENT_ID), is_other=scope is not None)
        credentials = {_TOKEN: PLACEHOLDER_TOKEN}
        if host is None:
            host, found_id = sign_in.find_host()
            workspace_id = workspace_id or found_id
    if host is None:
        raise ConfigurationError(
            f"{HOST} is not set, expected the address of the workspace of "
            f"{' and '.join(credentials)}; set it"
        )
    variables = {**_CLIENT_SETTINGS, **credentials, HOST: host}
    if workspace_id:
        variables[WORKSPACE_ID] = workspace_id
    fixed = {ORGANIZATION: workspace_id} if workspace_id else {}
    return WorkspaceAccess(uri, workspace_id, variables, RequestHeaders(host, fixed, sign_in))


def _select_credentials(found: Mapping[str, str]) -> dict[str, str]:
    """Return the token, or the service principal's id and secret; nothing where neither is given.

    A process that had more than one kind would be refused by the SDK.
    """
    if _TOKEN in found:
        return {_TOKEN: found[_TOKEN]}
    principal = (_CLIENT_ID, _CLIENT_SECRET)
    return {name: found[name] for name in principal} if found.keys() >= set(principal) else {}
