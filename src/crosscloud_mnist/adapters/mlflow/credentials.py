"""How an MLflow server is reached: what its process is given, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

# MLflow's own patience is four minutes before it says that a server is down.
_PATIENCE: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def access(
    options: Mapping[str, Any], credentials: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a process of its own is given: see ``isolation.ProcessProxy``.

    A user and password in the address become the variables that MLflow takes: an address is
    shown, logged and recorded.
    """
    uri = options["uri"]
    address = urlsplit(uri)
    given = {
        "MLFLOW_TRACKING_USERNAME": address.username and unquote(address.username),
        "MLFLOW_TRACKING_PASSWORD": address.password and unquote(address.password),
        **credentials,
    }
    variables = {name: str(value) for name, value in given.items() if value is not None}
    if address.netloc:
        uri = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return {**options, "uri": uri}, {**_PATIENCE, **variables}
