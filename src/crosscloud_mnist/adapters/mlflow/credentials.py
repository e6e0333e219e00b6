"""How an MLflow server is reached: what its process is given, and how long requests are retried."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from crosscloud_mnist.isolation.process_config import ProcessConfig

# By default MLflow retries for four minutes before it reports that a server is down.
_CLIENT_SETTINGS: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def process_config(
    options: Mapping[str, object], credentials: Mapping[str, object]
) -> ProcessConfig:
    """Return what the process of an MLflow registry is given.

    A user and password in the address become the variables that MLflow reads: an address is shown,
    logged and recorded.

    Args:
        options: Keyword arguments of ``MlflowRegistry``.
        credentials: Environment variables, ``MLFLOW_TRACKING_TOKEN`` for example.
    """
    uri = str(options["uri"])
    address = urlsplit(uri)
    given = {
        "MLFLOW_TRACKING_USERNAME": address.username and unquote(address.username),
        "MLFLOW_TRACKING_PASSWORD": address.password and unquote(address.password),
        **credentials,
    }
    variables = {name: str(value) for name, value in given.items() if value is not None}
    if address.netloc:
        uri = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return ProcessConfig({**options, "uri": uri}, {**_CLIENT_SETTINGS, **variables})
