"""The settings of an endpoint are checked before its workspace is reached."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.databricks import DatabricksEndpoint
from crosscloud_mnist.adapters.databricks.endpoint_settings import parse_settings
from crosscloud_mnist.errors import ConfigurationError

TABLE = {"catalog": "data_masters", "schema": "deploy", "prefix": "mnist_cnn"}


def test_the_table_of_a_prefix_is_the_one_that_the_service_writes():
    settings = parse_settings({"name": "mnist_cnn", "inference_table": TABLE})
    assert settings.inference_table.table == "data_masters.deploy.mnist_cnn_payload"
    assert settings.inference_table.enabled
    assert settings.cold_start_seconds == 300


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "name: field required"),
        ({"name": "mnist_cnn", "size": "Small"}, "size: unexpected keyword argument"),
        ({"name": "mnist_cnn", "canary_percent": 100}, "canary_percent: input should be less"),
        ({"name": "mnist_cnn", "cold_start_seconds": -1}, "cold_start_seconds: input should be"),
        (
            {"name": "mnist_cnn", "inference_table": {**TABLE, "catalog": "a.b"}},
            "inference_table.catalog: string should match",
        ),
        (
            {"name": "mnist_cnn", "inference_table": {"catalog": "a", "schema": "b"}},
            "inference_table.prefix: field required",
        ),
    ],
)
def test_a_setting_that_is_not_valid_is_named_before_any_credential_is_used(options, problem):
    with pytest.raises(ConfigurationError, match=problem) as raised:
        DatabricksEndpoint.process_config({**options, "workspace": "databricks-uc"}, {})
    assert "\n" not in str(raised.value)


def test_an_endpoint_without_a_workspace_is_named():
    with pytest.raises(ConfigurationError, match="the workspace is '', expected databricks"):
        DatabricksEndpoint.process_config({"name": "mnist_cnn"}, {})
