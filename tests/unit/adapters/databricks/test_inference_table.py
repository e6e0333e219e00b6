"""The inference table of an endpoint that exists: changed only where it must be."""

from __future__ import annotations

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.serving import AiGatewayConfig, ServingEndpointDetailed

from crosscloud_mnist.adapters.databricks.endpoint_settings import InferenceTableSettings
from crosscloud_mnist.adapters.databricks.inference_table import InferenceTable
from crosscloud_mnist.errors import EndpointError

WANTED = InferenceTableSettings(catalog="main", schema="deploy", prefix="mnist_cnn")
TABLE = {
    "catalog_name": "main",
    "schema_name": "deploy",
    "table_name_prefix": "mnist_cnn",
    "enabled": True,
}
OTHER_PARTS = {
    "rate_limits": [{"calls": 100, "renewal_period": "minute"}],
    "usage_tracking_config": {"enabled": True},
}


class Api:
    """An endpoint with a gateway."""

    def __init__(self, gateway, error=None):
        self.gateway, self.error, self.requests = gateway, error, []

    def get(self, _name):
        return ServingEndpointDetailed(ai_gateway=AiGatewayConfig.from_dict(self.gateway))

    def put_ai_gateway(self, _name, **parts):
        if self.error:
            raise self.error
        self.requests.append(AiGatewayConfig(**parts).as_dict())


def apply(gateway, settings=WANTED):
    api = Api(gateway)
    InferenceTable(api, "mnist_cnn", settings).apply()
    return api.requests


def test_a_table_that_is_as_conf_says_is_not_changed():
    assert apply({"inference_table_config": TABLE, **OTHER_PARTS}) == []


@pytest.mark.parametrize("settings", [None, InferenceTableSettings("a", "b", "c", enabled=False)])
def test_no_table_is_made_where_conf_wants_none(settings):
    assert apply(OTHER_PARTS, settings) == []


def test_the_other_parts_of_the_gateway_are_sent_again():
    assert apply(OTHER_PARTS) == [{**OTHER_PARTS, "inference_table_config": TABLE}]


def test_a_table_with_another_name_is_disabled_first():
    before = {**TABLE, "schema_name": "old"}
    assert apply({"inference_table_config": before, **OTHER_PARTS}) == [
        {**OTHER_PARTS, "inference_table_config": {**before, "enabled": False}},
        {**OTHER_PARTS, "inference_table_config": TABLE},
    ]


def test_a_table_that_conf_disables_is_disabled():
    settings = InferenceTableSettings("main", "deploy", "mnist_cnn", enabled=False)
    disabled = {**TABLE, "enabled": False}
    assert apply({"inference_table_config": TABLE}, settings) == [
        {"inference_table_config": disabled}
    ]
    assert apply({"inference_table_config": disabled}, settings) == []


def test_a_new_endpoint_is_created_with_its_table():
    gateway = InferenceTable(Api({}), "mnist_cnn", WANTED).gateway()
    assert gateway.as_dict() == {"inference_table_config": TABLE}
    assert InferenceTable(Api({}), "mnist_cnn", None).gateway() is None


def test_a_table_that_the_service_rejects_is_named_with_what_it_needs():
    error = InvalidParameterValue("Catalog 'main' is a Delta Sharing catalog.")
    with pytest.raises(EndpointError, match="Delta Sharing catalog") as raised:
        InferenceTable(Api({}, error), "mnist_cnn", WANTED).apply()
    assert "main.deploy.mnist_cnn_payload" in str(raised.value)
    assert "CREATE TABLE" in str(raised.value)
    assert "\n" not in str(raised.value)
