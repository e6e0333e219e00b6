"""An update keeps what others set, waits for what is slow, and keeps the log of what fails."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from rehearsal.serving_switches import ServingSwitches, write_switches

NAME = "data_masters.deploy.updated"
ADAPTER = "crosscloud_mnist.adapters.databricks.DatabricksEndpoint"
ENDPOINT = "/serving-endpoints/updated"
BY_HAND = {
    "name": "by-hand",
    "entity_name": NAME,
    "entity_version": "1",
    "environment_vars": {"KEY": "{{secrets/scope/key}}"},
    "min_provisioned_concurrency": 4,
    "max_provisioned_concurrency": 12,
    "scale_to_zero_enabled": True,
    "workload_type": "GPU_SMALL",
}
TAGS = [{"key": "cost_center", "value": "1234"}]
TABLE = {"catalog": "data_masters", "schema": "deploy", "prefix": "updated"}


@pytest.fixture
def switch(clouds):
    """Return a function that sets switches of gcp until the end of the test."""
    folder = clouds["gcp"].folder
    usual = ServingSwitches(max_changes=1000)
    write_switches(folder, usual)
    yield lambda **switches: write_switches(folder, replace(usual, **switches))
    write_switches(folder, ServingSwitches())


@pytest.fixture
def open_endpoint(clouds, other):
    def open_(name="updated", **options):
        options = {"workspace": f"databricks-uc://{other}", "update_minutes": 2, **options}
        return IsolatedAdapter(ADAPTER, {"name": name, **options}, clouds["azure"].variables())

    return open_


@pytest.fixture(scope="module")
def register(clouds, other, open_registry):
    registry = open_registry(f"databricks-uc://{other}", clouds["azure"].variables())

    def register_(bundle):
        return registry.create_version(
            NAME, bundle.folder, digest=bundle.digest, tags={}, description=""
        )

    return register_


@pytest.fixture(scope="module")
def versions(register, tiny_bundle, tiny_contents, signer, tmp_path_factory):
    """Two versions, each with its bundle."""
    folder = tmp_path_factory.mktemp("updated") / "bundle"
    second = write(replace(tiny_contents, keras=b"updated"), folder, signer)
    return [(register(each), each) for each in (tiny_bundle, second)]


@contextmanager
def open_api(cloud):
    authorization = {"authorization": f"Bearer {cloud.token}"}
    with httpx.Client(base_url=f"{cloud.host}/api/2.0", headers=authorization, timeout=60) as http:
        yield http


def wait_for_update(http):
    deadline = time.monotonic() + 90
    while "IN_PROGRESS" in (described := http.get(ENDPOINT)).text:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return described.json()


def updates(cloud):
    return [r for r in cloud.requests() if r["method"] == "PUT" and r["path"].endswith("/config")]


def test_an_update_keeps_every_setting_that_others_made(clouds, switch, open_endpoint, versions):
    switch(route_field="served_entity_name")
    first, second = versions
    with open_api(clouds["gcp"]) as http:
        rate_limits = [{"calls": 1000, "renewal_period": "minute"}]
        body = {
            "name": "updated",
            "tags": TAGS,
            "config": {"served_entities": [BY_HAND]},
            "ai_gateway": {"rate_limits": rate_limits},
        }
        http.post("/serving-endpoints", json=body).raise_for_status()
        wait_for_update(http)
        endpoint, before = open_endpoint(inference_table=TABLE), len(updates(clouds["gcp"]))
        endpoint.deploy(first[0], first[1].folder)
        # Its route was found by its other name, and its entity kept its own: nothing to update.
        assert len(updates(clouds["gcp"])) == before

        endpoint.deploy(second[0], second[1].folder)
        assert len(updates(clouds["gcp"])) == before + 2
        described = wait_for_update(http)
    (entity,) = described["config"]["served_entities"]
    kept = {name: entity[name] for name in BY_HAND}
    assert kept == {**BY_HAND, "name": "updated-2", "entity_version": "2"}
    assert "workload_size" not in entity
    assert described["tags"] == TAGS
    gateway = described["ai_gateway"]
    assert gateway["rate_limits"] == rate_limits
    assert gateway["inference_table_config"]["table_name_prefix"] == "updated"


def test_a_request_waits_for_an_endpoint_that_scaled_to_zero(
    switch, open_endpoint, versions, caplog
):
    _, (second, bundle) = versions
    caplog.set_level(logging.INFO)
    open_endpoint().deploy(second, bundle.folder)
    idle_seconds = 3.0  # longer than the pause between two requests
    switch(idle_seconds=idle_seconds, cold_start_seconds=3.0, max_request_seconds=0.5)
    time.sleep(idle_seconds)
    open_endpoint(cold_start_seconds=60).deploy(second, bundle.folder)
    assert "endpoint updated does not respond yet" in caplog.text
    time.sleep(idle_seconds)
    with pytest.raises(EndpointError, match="did not respond in time"):
        open_endpoint(cold_start_seconds=0).predict(bundle.golden().images)


def test_a_change_that_the_service_throttles_is_made_again_and_given_up_in_time(
    clouds, open_endpoint, versions, switch
):
    (first, bundle), (second, other_bundle) = versions
    open_endpoint().deploy(second, other_bundle.folder)
    throttled = {"fault": "429", "method": "PUT", "path": "/config", "times": 2, "retry_after": 1}
    clouds["gcp"].inject(throttled)
    before = len(updates(clouds["gcp"]))
    assert open_endpoint().deploy(first, bundle.folder).model_version == "1"
    assert [r["status"] for r in updates(clouds["gcp"])[before:]] == [429, 429, 200, 200]

    clouds["gcp"].inject()
    switch(max_changes=0)  # the workspace's own limit, which says how long to wait
    with pytest.raises(EndpointError, match=r"asks to retry after \d+ s, expected at most 2 s"):
        open_endpoint(retry_seconds=2).deploy(second, other_bundle.folder)


def test_a_refused_first_deployment_keeps_its_build_log(
    clouds, open_endpoint, register, tiny_contents, signer, tmp_path, switch
):
    del switch
    bundle = write(replace(tiny_contents, keras=b"unbuildable"), tmp_path / "bundle", signer)
    requirements = bundle.folder / "requirements.txt"
    requirements.write_text(f"{requirements.read_text()}\nno-such-package==1.0\n")
    version = register(replace(bundle, digest=digest_of(bundle.folder)))
    path = tmp_path / "reporting" / "build_log.txt"
    with pytest.raises(EndpointError) as raised:
        open_endpoint("refused", build_log=str(path)).deploy(version, bundle.folder)
    message = str(raised.value)
    assert "No matching distribution found for no-such-package==1.0" in message
    assert f"the whole log is in {path}" in message
    assert "the new endpoint was deleted" in message
    assert "Collecting no-such-package==1.0" in path.read_text()
    with open_api(clouds["gcp"]) as http:
        assert http.get("/serving-endpoints/refused").status_code == 404


def test_a_shared_catalog_holds_no_table_and_nothing_is_deployed(
    clouds, open_endpoint, versions, switch
):
    del switch
    (first, first_bundle), (second, bundle) = versions
    open_endpoint().deploy(first, first_bundle.folder)
    shared = {**TABLE, "catalog": "shared_sandbox"}
    for name in ("updated", "created_with_a_shared_table"):
        with pytest.raises(
            EndpointError, match=r"shared_sandbox\.deploy\.updated_payload"
        ) as error:
            open_endpoint(name, inference_table=shared).deploy(second, bundle.folder)
        assert "Delta Sharing" in str(error.value)
    assert open_endpoint().describe().model_version == "1"
    with open_api(clouds["gcp"]) as http:
        assert http.get("/serving-endpoints/created_with_a_shared_table").status_code == 404
