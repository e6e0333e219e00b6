"""The address of a run in MLflow's pages."""

from __future__ import annotations

_LOCAL_UI = "http://127.0.0.1:5000"  # where ``mlflow ui`` shows a store that has no server


def run_url(tracking_uri: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run of an MLflow store or server."""
    server = tracking_uri.rstrip("/") if tracking_uri.startswith("http") else _LOCAL_UI
    return f"{server}/#/experiments/{experiment_id}/runs/{run_id}"


def databricks_run_url(host: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run of a Databricks workspace.

    It is what MLflow 3.17 prints itself (``mlflow/tracking/_tracking_service/client.py``,
    ``_log_url``).
    """
    return f"{host.rstrip('/')}/ml/experiments/{experiment_id}/runs/{run_id}"
