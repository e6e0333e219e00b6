"""A Databricks workspace: the one that a URI means, and the one that is really reached.

``databricks`` and ``databricks-uc`` mean the workspace of the credentials; with ``://scope:prefix``
they mean another one, whose address and token are secrets of the first:
https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/multiple-workspaces
MLflow reads such secrets in a notebook only. So they are resolved here, and MLflow is given the
plain URI in a process that has the credentials of no other workspace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError, CrosscloudError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import select_secrets, summarize

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from crosscloud_mnist.adapters.databricks.request_limits import RequestLimits

UNITY_CATALOG = "databricks-uc"
_URI = re.compile(r"(databricks|databricks-uc)(?:://([^:/@]+):([^:/@]+))?")
_SECRETS = "crosscloud_mnist.adapters.databricks.secrets.SecretScopes"
_HOST, _TOKEN = "DATABRICKS_HOST", "DATABRICKS_TOKEN"
_CLIENT_ID, _CLIENT_SECRET = "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"
_VARIABLES = {  # by the end of the secret's name
    "host": _HOST,
    "token": _TOKEN,
    "client-id": _CLIENT_ID,
    "client-secret": _CLIENT_SECRET,
}
_ME, _ORGANIZATION = "/api/2.0/preview/scim/v2/Me", "x-databricks-org-id"
_PIXELS = re.compile(
    r"\[\[.*\]\]", re.DOTALL
)  # the stock scoring server repeats an image that it rejects
_RETRY_SECONDS = 60
_CLIENT_SETTINGS = {
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": str(_RETRY_SECONDS),
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class WorkspaceAccess:
    """How a workspace is reached.

    Attributes:
        uri: ``databricks`` or ``databricks-uc``, plain.
        workspace_id: The id that must be reached, if it is known.
        variables: Environment variables of its process: its host and credentials.
    """

    uri: str
    workspace_id: str | None
    variables: Mapping[str, str] = field(repr=False)


def resolve_access(uri: str, credentials: Mapping[str, object]) -> WorkspaceAccess:
    """Return how the workspace of the URI is reached.

    Args:
        uri: ``databricks`` or ``databricks-uc``, plain or with ``://scope:prefix``.
        credentials: ``DATABRICKS_HOST``, and ``DATABRICKS_TOKEN`` or ``DATABRICKS_CLIENT_ID`` and
            ``DATABRICKS_CLIENT_SECRET``, of the workspace that the plain URI means.

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
    own_variables = _select_variables(credentials, "the credentials of this workspace")
    if scope is None:
        return WorkspaceAccess(plain_uri, None, own_variables)
    secrets = IsolatedAdapter(_SECRETS, {}, own_variables).read(scope, prefix)
    variables = _select_variables(
        {variable: secrets.get(name) for name, variable in _VARIABLES.items()},
        f"the secrets {prefix}-* of scope {scope}",
    )
    return WorkspaceAccess(plain_uri, secrets.get("workspace-id"), variables)


@contextmanager
def translate_errors(
    what: str, workspace_id: str | None, error: type[CrosscloudError], *also: type[Exception]
) -> Iterator[None]:
    """Raise failures of requests to this process's workspace as ``error``, in one line.

    Args:
        what: What the requests are about, for the message.
        workspace_id: The workspace's id, if it is known, for the message.
        error: What is raised.
        also: Exceptions to translate besides the SDK's.
    """
    from databricks.sdk.errors.base import DatabricksError
    from requests import RequestException

    translated: tuple[type[Exception], ...]
    translated = (DatabricksError, RequestException, TimeoutError, ValueError, *also)
    try:
        yield
    except translated as failure:
        reason = summarize(
            _PIXELS.sub("[...]", str(failure.__cause__ or failure)), select_secrets(os.environ)
        )
        workspace = os.environ[_HOST] + (f" (workspace {workspace_id})" if workspace_id else "")
        raise error(
            f"a request to {workspace} for {what} failed: {reason}; check the names, the "
            "permissions and the token"
        ) from failure


def connect(
    workspace_id: str | None, error: type[CrosscloudError], limits: RequestLimits | None = None
) -> tuple[WorkspaceClient, str]:
    """Return a client of this process's workspace, and the address and workspace id reached.

    Args:
        workspace_id: The id that must be reached; ``None`` allows any.
        error: Raised if the host does not respond, rejects the token, or is another workspace.
        limits: On the client's requests; ``None`` for the usual ones.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    from crosscloud_mnist.adapters.databricks.request_limits import BoundedClock, RequestLimits

    limits = limits or RequestLimits()
    host = os.environ[_HOST]
    check_reachable(host, "a Databricks workspace", error)
    with translate_errors("its id", workspace_id, error):
        config = Config(
            retry_timeout_seconds=limits.retry_seconds,
            http_timeout_seconds=limits.request_seconds,
            clock=BoundedClock(limits.max_wait_seconds),
        )
        client = WorkspaceClient(config=config)
        # get_workspace_id() would take the id from the host's public metadata, without the token.
        response = client.api_client.do("GET", _ME, response_headers=[_ORGANIZATION])
        reached_id = str(response[_ORGANIZATION])
    if workspace_id is not None and reached_id != workspace_id:
        raise error(
            f"{host} is workspace {reached_id}, expected {workspace_id} as its secret says; "
            "nothing was written: check the secrets of the scope"
        )
    return client, f"{config.host}/?o={reached_id}"


def _select_variables(given: Mapping[str, object], source: str) -> dict[str, str]:
    found = {name: str(given[name]) for name in _VARIABLES.values() if given.get(name)}
    kinds = [_TOKEN in found, _CLIENT_ID in found and _CLIENT_SECRET in found]
    if _HOST not in found or sum(kinds) != 1:
        raise ConfigurationError(
            f"{source} hold {', '.join(found) or 'nothing'}, expected {_HOST} and either {_TOKEN} "
            f"or {_CLIENT_ID} and {_CLIENT_SECRET}; set them (the command "
            "crosscloud-mnist-secrets writes those of a scope)"
        )
    return {**_CLIENT_SETTINGS, **found}
