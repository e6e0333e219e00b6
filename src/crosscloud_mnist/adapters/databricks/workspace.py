"""The workspace that this process reaches: which one it really is, and its errors in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import select_secrets, summarize

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from crosscloud_mnist.adapters.databricks.request_limits import RequestLimits

UNITY_CATALOG = "databricks-uc"
HOST, WORKSPACE_ID = "DATABRICKS_HOST", "DATABRICKS_WORKSPACE_ID"
# Names the workspace in a request to a host that several share, and in every response. Newer SDKs
# also send X-Databricks-Workspace-Id; the service accepts both:
# https://github.com/databricks/databricks-sdk-py/pull/1436, .../databricks-sdk-go/pull/1650
ORGANIZATION = "x-databricks-org-id"
_ME = "/api/2.0/preview/scim/v2/Me"
# https://github.com/databricks/databricks-sdk-py/pull/1397
_NO_WORKSPACE = "Unable to load OAuth Config"
_PIXELS = re.compile(
    r"\[\[.*\]\]", re.DOTALL
)  # the stock scoring server repeats an image that it rejects


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
        workspace = os.environ[HOST] + (f" (workspace {workspace_id})" if workspace_id else "")
        remedy = "check the names, the permissions and the token"
        if _NO_WORKSPACE in reason:
            remedy = f"several workspaces share this host: set {WORKSPACE_ID}"
        raise error(f"a request to {workspace} for {what} failed: {reason}; {remedy}") from failure


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
    host = os.environ[HOST]
    check_reachable(host, "a Databricks workspace", error)
    with translate_errors("its id", workspace_id, error):
        config = Config(
            retry_timeout_seconds=limits.retry_seconds,
            http_timeout_seconds=limits.request_seconds,
            clock=BoundedClock(limits.max_wait_seconds),
        )
        client = WorkspaceClient(config=config)
        # A host that several workspaces share needs the id; any other host ignores it.
        headers = {ORGANIZATION: workspace_id} if workspace_id else {}
        # get_workspace_id() would take the id from the host's public metadata, without the token.
        response = client.api_client.do(
            "GET", _ME, headers=headers, response_headers=[ORGANIZATION]
        )
        reached_id = str(response[ORGANIZATION])
    if workspace_id is not None and reached_id != workspace_id:
        raise error(
            f"{host} is workspace {reached_id}, expected {workspace_id} as its secret (or "
            f"{WORKSPACE_ID}) says; nothing was written: check the secrets of the scope"
        )
    return client, f"{config.host}/?o={reached_id}"
