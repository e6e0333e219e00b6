"""What is served keeps every setting; a new version is served as the one that it replaces."""

from __future__ import annotations

from dataclasses import fields

import pytest
from databricks.sdk.service.serving import (
    ServedEntityInput,
    ServedEntityOutput,
    ServingModelWorkloadType,
)

from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings
from crosscloud_mnist.adapters.databricks.served_entities import (
    ServedVersion,
    keep_entity,
    new_entity,
)

NEW = ServedVersion.new("data_masters.deploy.mnist_cnn", "4")
SETTINGS = EndpointSettings(name="mnist_cnn")
CHANGED = {  # of these settings, an older SDK sends those that it knows
    "name": "by-hand",
    "entity_name": "data_masters.deploy.mnist_cnn",
    "entity_version": "3",
    "environment_vars": {"KEY": "{{secrets/scope/key}}"},
    "workload_size": "Medium",
    "workload_type": "GPU_SMALL",
    "scale_to_zero_enabled": True,
    "instance_profile_arn": "arn:aws:iam::1:instance-profile/a",
    "burst_scaling_enabled": False,
    "provisioned_model_units": 2,
}
for unknown in set(CHANGED) - {each.name for each in fields(ServedEntityInput)}:
    del CHANGED[unknown]


def keep(**settings):
    return keep_entity(ServedEntityOutput.from_dict({**settings, "creator": "somebody"}))


def test_an_entity_is_sent_again_with_every_setting():
    assert keep(**CHANGED).as_dict() == CHANGED


def test_a_field_that_a_later_sdk_knows_is_kept_too():
    outputs = {each.name for each in fields(ServedEntityOutput)}
    assert {each.name for each in fields(ServedEntityInput)} <= outputs


def test_of_a_size_and_a_concurrency_the_concurrency_is_sent():
    entity = {
        **CHANGED,
        "min_provisioned_concurrency": 4,
        "max_provisioned_concurrency": 12,
    }
    del entity["workload_size"]
    assert keep(**entity, workload_size="Small").as_dict() == entity


def test_a_first_version_is_small_and_never_stops():
    assert new_entity(NEW, SETTINGS, None).as_dict() == {
        "name": "mnist_cnn-4",
        "entity_name": "data_masters.deploy.mnist_cnn",
        "entity_version": "4",
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
    }


def test_a_new_version_has_the_settings_of_the_one_that_it_replaces():
    entity = new_entity(NEW, SETTINGS, keep(**CHANGED))
    assert entity.as_dict() == {**CHANGED, "name": "mnist_cnn-4", "entity_version": "4"}
    assert entity.workload_type is ServingModelWorkloadType.GPU_SMALL


@pytest.mark.parametrize("size", ["Large", "Small"])
def test_a_setting_of_conf_counts_more_than_the_one_that_is_served(size):
    settings = EndpointSettings(name="mnist_cnn", workload_size=size, scale_to_zero=False)
    served = keep(**CHANGED, min_provisioned_concurrency=4, max_provisioned_concurrency=8)
    entity = new_entity(NEW, settings, served)
    assert (entity.workload_size, entity.scale_to_zero_enabled) == (size, False)
    assert entity.max_provisioned_concurrency is None
    assert entity.environment_vars == CHANGED["environment_vars"]
