"""A Model Serving endpoint: created, updated by a canary, restored when the new version fails."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import numpy as np
import pytest

from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import ModelVersion
from rehearsal.serving_switches import ServingSwitches, write_switches

NAME = "data_masters.deploy.served"
ENDPOINT = "updated_by_canary"  # no other module deploys to it in the same workspaces
ADAPTER = "crosscloud_mnist.adapters.databricks.DatabricksEndpoint"


@pytest.fixture(scope="module", autouse=True)
def many_changes(clouds):
    """These tests change endpoints more often than the service allows in five minutes."""
    write_switches(clouds["gcp"].folder, ServingSwitches(max_changes=1000))
    yield
    write_switches(clouds["gcp"].folder, ServingSwitches())


@pytest.fixture
def endpoint(clouds, other):
    options = {"name": ENDPOINT, "workspace": f"databricks-uc://{other}", "update_minutes": 2}
    return IsolatedAdapter(ADAPTER, {**options, "canary_percent": 25}, clouds["azure"].variables())


@pytest.fixture
def register(clouds, other, open_registry):
    registry = open_registry(f"databricks-uc://{other}", clouds["azure"].variables())

    def register_(bundle):
        values = {"digest": bundle.digest, "tags": {}, "description": ""}
        return registry.create_version(NAME, bundle.folder, **values)

    return register_


@contextmanager
def open_api(cloud):
    with httpx.Client(
        base_url=f"{cloud.host}/api/2.0",
        headers={"authorization": f"Bearer {cloud.token}"},
        timeout=60,
    ) as http:
        yield http


def served(name):
    return {"entity_name": NAME, "entity_version": name, "scale_to_zero_enabled": True}


def write_wrong_answers(bundle, folder):
    golden = bundle.golden()
    copy = shutil.copytree(bundle.folder, folder)
    parts = {"images": golden.images, "labels": golden.labels}
    np.savez(copy / "artifacts" / "golden.npz", **parts, expected=golden.expected[:, ::-1])
    return copy


def deletions(cloud, name):
    return [r for r in cloud.requests() if r["method"] == "DELETE" and name in r["path"]]


def updates(cloud):
    path = f"/{ENDPOINT}/config"
    return [r for r in cloud.requests() if r["method"] == "PUT" and r["path"].endswith(path)]


def invocations(cloud):
    return [r for r in cloud.requests() if r["path"].endswith(f"/{ENDPOINT}/invocations")]


def test_a_canary_replaces_the_version_and_a_wrong_one_is_taken_back(
    clouds, endpoint, register, tiny_bundle, tiny_contents, signer, tmp_path
):
    gcp = clouds["gcp"]
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    first = register(tiny_bundle)
    deployment = endpoint.deploy(first, tiny_bundle.folder)
    assert deployment.endpoint == f"{gcp.host}/serving-endpoints/{ENDPOINT}/invocations"
    assert (deployment.name, deployment.model_version) == (NAME, "1")
    assert deployment.digest == tiny_bundle.digest
    golden = tiny_bundle.golden()
    np.testing.assert_allclose(endpoint.predict(golden.images), golden.expected, atol=1e-5)

    assert not updates(gcp)
    assert endpoint.deploy(first, tiny_bundle.folder) == deployment  # nothing to do

    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    second = register(other)
    assert endpoint.deploy(second, other.folder).digest == other.digest
    assert len(updates(gcp)) == 2  # the canary, then all of it

    bad = write_wrong_answers(other, tmp_path / "bad")
    third = register(other)
    expected = r"version 3 at .* from its golden answers.*version 2 gets all of the traffic again"
    with pytest.raises(EndpointError, match=expected):
        endpoint.deploy(third, bad)
    assert endpoint.describe().model_version == "2"
    assert {r["status"] for r in invocations(gcp)} == {200}

    broken = shutil.copytree(other.folder, tmp_path / "broken")
    shutil.copy(broken / "MLmodel", broken / "artifacts" / "model.onnx")
    fourth = register(replace(other, folder=broken))
    with pytest.raises(EndpointError, match="could not be updated"):
        endpoint.deploy(fourth, other.folder)
    assert endpoint.describe().model_version == "2"
    np.testing.assert_allclose(endpoint.predict(golden.images), golden.expected, atol=1e-5)


def test_the_next_deployment_completes_what_a_killed_one_left(clouds, endpoint, tiny_bundle):
    gcp = clouds["gcp"]
    split = {"1": 25, "2": 75}  # of a canary whose deployment was killed
    left = {
        "served_entities": [
            {
                "name": f"served-{version}",
                "entity_name": NAME,
                "entity_version": version,
                "workload_size": "Small",
                "scale_to_zero_enabled": True,
            }
            for version in split
        ],
        "traffic_config": {
            "routes": [
                {"served_model_name": f"served-{version}", "traffic_percentage": percent}
                for version, percent in split.items()
            ]
        },
    }
    with open_api(gcp) as http:
        http.put(f"/serving-endpoints/{ENDPOINT}/config", json=left).raise_for_status()
        until = time.monotonic() + 60
        while "IN_PROGRESS" in http.get(f"/serving-endpoints/{ENDPOINT}").text:
            assert time.monotonic() < until
            time.sleep(0.2)
        before = len(updates(gcp))
        endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), tiny_bundle.folder)
        config = http.get(f"/serving-endpoints/{ENDPOINT}").json()["config"]
    assert len(updates(gcp)) == before + 1  # the canary is never given more than it had
    assert config["traffic_config"]["routes"] == [
        {"served_model_name": "served-2", "traffic_percentage": 100}
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"/{ENDPOINT}/config"), ("POST", "/served-models/")],
    ids=["the update to all of the traffic", "the last verification"],
)
def test_the_old_version_is_restored_after_a_late_failure(
    clouds, endpoint, tiny_bundle, method, path
):
    gcp = clouds["gcp"]
    first = {"fault": "slow", "seconds": 0, "method": method, "path": path}  # the canary's
    gcp.inject(first, {**first, "fault": "expired"})
    with pytest.raises(EndpointError, match=r"expired.*version 2 gets all of the traffic again"):
        endpoint.deploy(ModelVersion(NAME, "1", tiny_bundle.digest), tiny_bundle.folder)
    gcp.inject()
    with open_api(gcp) as http:
        config = http.get(f"/serving-endpoints/{ENDPOINT}").json()["config"]
    assert config["traffic_config"]["routes"] == [
        {"served_model_name": "served-2", "traffic_percentage": 100}
    ]


def test_a_served_version_that_fails_later_is_said_to_have_the_traffic(
    clouds, endpoint, tiny_bundle, tmp_path
):
    bad = write_wrong_answers(tiny_bundle, tmp_path / "bad")
    with pytest.raises(EndpointError, match="still gets all of the traffic") as raised:
        endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), bad)
    assert "no traffic" not in str(raised.value)


def test_an_endpoint_that_serves_nothing_yet_is_taken_over(clouds, other, tiny_bundle):
    gcp = clouds["gcp"]
    with open_api(gcp) as http:
        created = {"name": "left_half_made", "config": {"served_entities": [served("4")]}}
        http.post("/serving-endpoints", json=created).raise_for_status()
    options = {
        "name": "left_half_made",
        "workspace": f"databricks-uc://{other}",
        "update_minutes": 2,
    }
    endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    second = ModelVersion(NAME, "2", tiny_bundle.digest)
    assert endpoint.deploy(second, tiny_bundle.folder).model_version == "2"


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("kept_unverified", "2", "golden answers.*existed before and was not deleted"),
        ("kept_empty", "4", "could not be updated.*served nothing before, and was not deleted"),
    ],
)
def test_an_endpoint_that_existed_is_not_deleted(
    clouds, other, tiny_bundle, tmp_path, name, version, message
):
    gcp = clouds["gcp"]
    with open_api(gcp) as http:
        created = {"name": name, "config": {"served_entities": [served("4")]}}
        http.post("/serving-endpoints", json=created).raise_for_status()
        options = {"name": name, "workspace": f"databricks-uc://{other}", "update_minutes": 2}
        endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
        bad = write_wrong_answers(tiny_bundle, tmp_path / "bad")
        with pytest.raises(EndpointError, match=message):
            endpoint.deploy(ModelVersion(NAME, version, tiny_bundle.digest), bad)
        assert http.get(f"/serving-endpoints/{name}").status_code == 200
    assert not deletions(gcp, name)


def test_an_endpoint_that_was_created_meanwhile_is_not_deleted(clouds, other, tiny_bundle):
    gcp, failures = clouds["gcp"], []
    options = {"name": "raced", "workspace": f"databricks-uc://{other}", "update_minutes": 2}
    endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
    slow = {"fault": "slow", "seconds": 5, "method": "POST", "path": "/api/2.0/serving-endpoints"}
    gcp.inject(slow)

    def deploy():
        try:
            endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), tiny_bundle.folder)
        except EndpointError as error:
            failures.append(str(error))

    deployment = threading.Thread(target=deploy)
    deployment.start()
    until = time.monotonic() + 60
    while not any("raced" in r["path"] for r in gcp.requests()):  # it has found no endpoint
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1)  # its request to create one is under way
    with open_api(gcp) as http:
        created = {"name": "raced", "config": {"served_entities": [served("2")]}}
        http.post("/serving-endpoints", json=created).raise_for_status()
        deployment.join()
        assert http.get("/serving-endpoints/raced").status_code == 200
    assert len(failures) == 1
    assert "already exists" in failures[0]
    assert not deletions(gcp, "raced")


@pytest.mark.parametrize("failure", ["wrong answers", "no answer"])
def test_an_endpoint_whose_first_version_is_not_verified_is_deleted(
    clouds, other, tiny_bundle, tmp_path, failure
):
    options = {"name": "not_verified", "workspace": f"databricks-uc://{other}", "update_minutes": 2}
    endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
    bundle = tiny_bundle.folder
    if failure == "wrong answers":
        bundle = write_wrong_answers(tiny_bundle, tmp_path / "bundle")
    else:
        expired = {"fault": "expired", "method": "POST", "path": "/invocations", "times": 1}
        clouds["gcp"].inject(expired)
    expected = "(golden answers|expired|Invalid).*the new endpoint was deleted"
    with pytest.raises(EndpointError, match=expected):
        endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), bundle)
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    assert deletions(clouds["gcp"], "not_verified")


def test_scaled_pixels_are_rejected_in_one_line(endpoint):
    with pytest.raises(EndpointError, match="not whole, expected 0 to 255") as raised:
        endpoint.predict(np.full((1, 28, 28), 0.5))
    assert "\n" not in str(raised.value)


def test_a_version_that_does_not_exist_is_rejected(endpoint, tiny_bundle):
    with pytest.raises(EndpointError, match="not found|does not exist"):
        endpoint.deploy(ModelVersion(NAME, "99", tiny_bundle.digest), tiny_bundle.folder)
    assert endpoint.describe().model_version == "2"


def test_serving_does_not_change_the_versions_files(
    clouds, endpoint, other, open_registry, tiny_bundle, tmp_path
):
    registry = open_registry(f"databricks-uc://{other}", clouds["azure"].variables())
    first = registry.find_version(NAME, tiny_bundle.digest)
    registry.download_version(first, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == tiny_bundle.digest
