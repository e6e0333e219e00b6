"""Under steady load: a cloud is killed, a version replaced, a bad one refused; no call fails."""

from __future__ import annotations

import time

import pytest

from benchmarks.drill import Load, another, cloud, copies, spoiled
from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.client import RedundantClient
from crosscloud_mnist.errors import EndpointError, SmokeTestFailed
from crosscloud_mnist.pipelines.smoke_test.nodes import judge, look, report


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN", raising=False)


def load_on(client, bundle):
    golden = bundle.golden()
    return Load(client, golden.pictures, golden.expected)


def wait_for_calls(load, more):
    until, done = time.monotonic() + 60, len(load.milliseconds)
    while len(load.milliseconds) < done + more and time.monotonic() < until:
        time.sleep(0.02)


def test_one_of_two_clouds_is_killed_under_load(tiny_bundle, tmp_path):
    with cloud("azure", tmp_path) as azure, cloud("gcp", tmp_path) as gcp:
        for each in (azure, gcp):
            each.deploy(tiny_bundle.folder, "1")
        endpoints = {each.name: each.endpoint for each in (azure, gcp)}
        with RedundantClient(copies([azure, gcp])) as client:
            load = load_on(client, tiny_bundle)
            with load.running():
                wait_for_calls(load, 100)
                azure.kill()
                wait_for_calls(load, 300)
            assert load.failures == []
            assert client.counts.failures == 0
            assert client.counts.calls == len(load.milliseconds) >= 400
            assert client.counts.retries == client.counts.failovers >= 1

            with pytest.raises(SmokeTestFailed, match=r"^azure is down: .* does not answer"):
                judge(report(look(endpoints), [], []))

            other = another(tiny_bundle.folder, tmp_path / "other")
            azure.deploy(other, "2")
            with pytest.raises(SmokeTestFailed, match="azure version 2 .*, gcp version 1") as said:
                judge(report(look(endpoints), [], []))
            assert digest_of(other) in str(said.value)
            assert tiny_bundle.digest in str(said.value)


def test_a_version_is_replaced_and_a_bad_one_refused_under_load(tiny_bundle, tmp_path):
    with cloud("gcp", tmp_path) as gcp:
        gcp.deploy(tiny_bundle.folder, "1")
        with RedundantClient(copies([gcp])) as client:
            load = load_on(client, tiny_bundle)
            with load.running():
                wait_for_calls(load, 50)
                gcp.deploy(another(tiny_bundle.folder, tmp_path / "second"), "2")
                wait_for_calls(load, 50)
                with pytest.raises(EndpointError):
                    gcp.deploy(spoiled(tiny_bundle.folder, tmp_path / "bad"), "3")
                wait_for_calls(load, 50)
                assert gcp.endpoint.describe().model_version == "2"
            assert load.failures == []
            assert client.counts.failures == 0
