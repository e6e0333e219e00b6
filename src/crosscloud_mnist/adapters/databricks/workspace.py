"""Which workspace a URI means, and the proof that it is the one reached.

``databricks`` and ``databricks-uc`` mean the workspace of the credentials; with ``://scope:prefix``
they mean another one, whose address and token are secrets of the first:
https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/multiple-workspaces
MLflow reads such secrets in a notebook only, so they are resolved here, and MLflow is given the
plain URI in a process that knows no other workspace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.errors import ConfigurationError, CrosscloudError
from crosscloud_mnist.isolation.proxy import ProcessProxy
from crosscloud_mnist.reachability import check_reachable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

UNITY_CATALOG = "databricks-uc"
_URI = re.compile(r"(databricks|databricks-uc)(?:://([^:/@]+):([^:/@]+))?")
_HOST, _TOKEN = "DATABRICKS_HOST", "DATABRICKS_TOKEN"
_CLIENT_ID, _CLIENT_SECRET = "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"
_VARIABLES = {  # by the end of the secret's name
    "host": _HOST,
    "token": _TOKEN,
    "client-id": _CLIENT_ID,
    "client-secret": _CLIENT_SECRET,
}
_ME, _ORGANIZATION = "/api/2.0/preview/scim/v2/Me", "x-databricks-org-id"
_NUMBERS = re.compile(r"\[\[.*\]\]")  # what the stock scoring server echoes of an image
_RETRY_SECONDS = 60
_PATIENCE = {
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": str(_RETRY_SECONDS),
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def access(uri: str, credentials: Mapping[str, Any]) -> tuple[str, str | None, dict[str, str]]:
    """Return what a process of the workspace is given.

    Args:
        uri: ``databricks`` or ``databricks-uc``, plain or with ``://scope:prefix``.
        credentials: ``DATABRICKS_HOST``, and ``DATABRICKS_TOKEN`` or ``DATABRICKS_CLIENT_ID`` and
            ``DATABRICKS_CLIENT_SECRET``, of the workspace that the plain URI means.

    Returns:
        The plain URI, the workspace id that must be reached, if it is known, and the variables.

    Raises:
        ConfigurationError: The URI or the credentials cannot be used.
        RegistryError: The secrets cannot be read.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ConfigurationError(
            f"the workspace is {uri!r}, expected databricks or databricks-uc, plain or followed by "
            "://scope:prefix; set source, target and serve_from in the globals of the environment"
        )
    plain, scope, prefix = match.groups()
    own = _variables(credentials, "the credentials of this workspace")
    if scope is None:
        return plain, None, own
    scopes = ProcessProxy("crosscloud_mnist.adapters.databricks.secrets.SecretScopes", {}, own)
    found = scopes.read(scope, prefix)
    given = {variable: found.get(name) for name, variable in _VARIABLES.items()}
    where = f"the secrets {prefix}-* of scope {scope}"
    return plain, found.get("workspace-id"), _variables(given, where)


@contextmanager
def translate_errors(
    uri: str, workspace_id: str | None, error: type[CrosscloudError], *also: type[Exception]
) -> Iterator[None]:
    """Say what the workspace answers badly, the SDK's or ``also``, as that error in one line."""
    from databricks.sdk.errors.base import DatabricksError
    from requests import RequestException

    known: tuple[type[Exception], ...]
    known = (DatabricksError, RequestException, TimeoutError, ValueError, *also)
    try:
        yield
    except known as failure:
        said = " ".join(str(failure.__cause__ or failure).split())
        reason = _NUMBERS.sub("[...]", said)[:300]
        where = os.environ[_HOST] + (f" (workspace {workspace_id})" if workspace_id else "")
        raise error(
            f"{where} answered to {uri}: {reason}; check the names, the permissions and the token"
        ) from failure


def connect(workspace_id: str | None, error: type[CrosscloudError]) -> tuple[WorkspaceClient, str]:
    """Return a client of this process's workspace, and the address and workspace id reached.

    Args:
        workspace_id: The id that must be reached; ``None`` takes any.
        error: Raised where the host does not answer, refuses, or is another workspace.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    host = os.environ[_HOST]
    check_reachable(host, "a Databricks workspace", error)
    with translate_errors("the question who it is", workspace_id, error):
        config = Config(retry_timeout_seconds=_RETRY_SECONDS, http_timeout_seconds=_RETRY_SECONDS)
        client = WorkspaceClient(config=config)
        # The SDK's own call would take the host's public word for it, without the token.
        answer = client.api_client.do("GET", _ME, response_headers=[_ORGANIZATION])
        found = str(answer[_ORGANIZATION])
    if workspace_id is not None and found != workspace_id:
        raise error(
            f"{host} is workspace {found}, expected {workspace_id} as its secret says; nothing was "
            "written: check the secrets of the scope"
        )
    return client, f"{config.host}/?o={found}"


def _variables(given: Mapping[str, Any], where: str) -> dict[str, str]:
    found = {name: str(given[name]) for name in _VARIABLES.values() if given.get(name)}
    kinds = [_TOKEN in found, _CLIENT_ID in found and _CLIENT_SECRET in found]
    if _HOST not in found or sum(kinds) != 1:
        raise ConfigurationError(
            f"{where} hold {', '.join(found) or 'nothing'}, expected {_HOST} and either {_TOKEN} "
            f"or {_CLIENT_ID} and {_CLIENT_SECRET}; set them (the command "
            "crosscloud-mnist-secrets writes those of a scope)"
        )
    return {**_PATIENCE, **found}
