"""What libraries say about themselves is not shown."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import mlflow
import pytest
from mlflow.entities import Experiment
from mlflow.tracking import fluent

from crosscloud_mnist.hooks.library_notices import hide_library_notices

EXPERIMENT = Experiment("1", "/Shared/crosscloud-mnist", "dbfs:/1", "active", tags=[])


@pytest.fixture
def workspace(monkeypatch):
    """Let MLflow find the experiment in a workspace of Databricks."""
    client = SimpleNamespace(get_experiment_by_name=lambda name: EXPERIMENT)
    monkeypatch.setattr(fluent, "TrackingServiceClient", lambda uri: client)
    monkeypatch.setattr(fluent, "_resolve_tracking_uri", lambda: "databricks")
    monkeypatch.setattr(fluent, "_active_experiment_id", None)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")  # restored: MLflow sets it


@pytest.mark.usefixtures("workspace")
def test_mlflow_gives_no_advice_on_tracing_where_an_experiment_of_databricks_is_set(
    monkeypatch, capsys
):
    monkeypatch.delenv("_MLFLOW_ENABLE_UC_TRACE_UPSELL", raising=False)
    monkeypatch.setattr(logging, "captureWarnings", lambda capture: None)
    mlflow.set_experiment(EXPERIMENT.name)
    assert "MLflow Tracing" in capsys.readouterr().err
    hide_library_notices()
    mlflow.set_experiment(EXPERIMENT.name)
    assert "MLflow Tracing" not in capsys.readouterr().err
