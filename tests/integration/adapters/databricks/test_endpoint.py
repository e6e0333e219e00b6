"""A Model Serving endpoint: created, updated by a canary, restored when the new version fails."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import httpx
import numpy as np
import pytest

from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.ports import ModelVersion

NAME = "data_masters.deploy.served"
ADAPTER = "crosscloud_mnist.adapters.databricks.DatabricksEndpoint"


@pytest.fixture
def endpoint(clouds, other):
    options = {"name": "mnist_cnn", "workspace": f"databricks-uc://{other}", "minutes": 2}
    return IsolatedAdapter(ADAPTER, {**options, "canary": 25}, clouds["azure"].variables())


@pytest.fixture
def register(clouds, other, open_registry):
    registry = open_registry(f"databricks-uc://{other}", clouds["azure"].variables())

    def register_(bundle):
        values = {"digest": bundle.digest, "tags": {}, "description": ""}
        return registry.create_version(NAME, bundle.folder, **values)

    return register_


def invocations(cloud):
    return [r for r in cloud.requests() if r["path"].endswith("/invocations")]


def test_a_canary_replaces_the_version_and_a_wrong_one_is_taken_back(
    clouds, endpoint, register, tiny_bundle, tiny_contents, signer, tmp_path
):
    gcp = clouds["gcp"]
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    first = register(tiny_bundle)
    deployment = endpoint.deploy(first, tiny_bundle.folder)
    assert deployment.endpoint == f"{gcp.host}/serving-endpoints/mnist_cnn/invocations"
    assert (deployment.name, deployment.model_version) == (NAME, "1")
    assert deployment.digest == tiny_bundle.digest
    golden = tiny_bundle.golden()
    np.testing.assert_allclose(endpoint.predict(golden.images), golden.expected, atol=1e-5)

    updates = len([r for r in gcp.requests() if r["method"] == "PUT" and "config" in r["path"]])
    assert updates == 0
    assert endpoint.deploy(first, tiny_bundle.folder) == deployment  # nothing to do

    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    second = register(other)
    assert endpoint.deploy(second, other.folder).digest == other.digest
    updates = [r for r in gcp.requests() if r["method"] == "PUT" and "config" in r["path"]]
    assert len(updates) == 2  # the canary, then all of it

    bad = shutil.copytree(other.folder, tmp_path / "bad")
    wrong = golden.expected[:, ::-1]
    np.savez(
        bad / "artifacts" / "golden.npz",
        images=golden.images,
        labels=golden.labels,
        expected=wrong,
    )
    third = register(other)
    with pytest.raises(EndpointError, match=r"version 3 at .* from its golden answers"):
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
    with httpx.Client(
        base_url=f"{gcp.host}/api/2.0/serving-endpoints",
        headers={"authorization": f"Bearer {gcp.token}"},
        timeout=60,
    ) as http:
        http.put("/mnist_cnn/config", json=left).raise_for_status()
        until = time.monotonic() + 60
        while "IN_PROGRESS" in http.get("/mnist_cnn").text:
            assert time.monotonic() < until
            time.sleep(0.2)
        before = len(gcp.requests())
        endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), tiny_bundle.folder)
        config = http.get("/mnist_cnn").json()["config"]
    updates = [r for r in gcp.requests()[before:] if r["method"] == "PUT"]
    assert len(updates) == 1  # the canary is never given more than it had
    assert config["traffic_config"]["routes"] == [
        {"served_model_name": "served-2", "traffic_percentage": 100}
    ]


def test_an_endpoint_that_serves_nothing_yet_is_taken_over(clouds, other, tiny_bundle):
    gcp = clouds["gcp"]
    entity = {"entity_name": NAME, "entity_version": "4", "scale_to_zero_enabled": True}
    with httpx.Client(
        base_url=f"{gcp.host}/api/2.0",
        headers={"authorization": f"Bearer {gcp.token}"},
        timeout=60,
    ) as http:
        made = {"name": "left_half_made", "config": {"served_entities": [entity]}}
        http.post("serving-endpoints", json=made).raise_for_status()
    options = {"name": "left_half_made", "workspace": f"databricks-uc://{other}", "minutes": 2}
    endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    second = ModelVersion(NAME, "2", tiny_bundle.digest)
    assert endpoint.deploy(second, tiny_bundle.folder).model_version == "2"


@pytest.mark.parametrize("failure", ["wrong answers", "no answer"])
def test_an_endpoint_whose_first_version_is_not_verified_is_deleted(
    clouds, other, tiny_bundle, tmp_path, failure
):
    options = {"name": "not_verified", "workspace": f"databricks-uc://{other}", "minutes": 2}
    endpoint = IsolatedAdapter(ADAPTER, options, clouds["azure"].variables())
    bundle = shutil.copytree(tiny_bundle.folder, tmp_path / "bundle")
    if failure == "wrong answers":
        golden = tiny_bundle.golden()
        parts = {"images": golden.images, "labels": golden.labels}
        wrong = golden.expected[:, ::-1]
        np.savez(bundle / "artifacts" / "golden.npz", **parts, expected=wrong)
    else:
        expired = {"fault": "expired", "method": "POST", "path": "/invocations", "times": 1}
        clouds["gcp"].inject(expired)
    with pytest.raises(EndpointError, match="golden answers|expired|Invalid"):
        endpoint.deploy(ModelVersion(NAME, "2", tiny_bundle.digest), bundle)
    with pytest.raises(EndpointError, match="serves nothing, expected a model"):
        endpoint.describe()
    removed = [r for r in clouds["gcp"].requests() if r["method"] == "DELETE"]
    assert removed[-1]["path"].endswith("/serving-endpoints/not_verified")


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
