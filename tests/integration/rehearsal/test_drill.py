"""Under load a cloud is killed, a version replaced, a corrupted one rejected; no call fails."""

from __future__ import annotations

import time

import numpy as np
import pytest

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.client import FailoverClient
from crosscloud_mnist.datasets.inference_log import InferenceLogDataset
from crosscloud_mnist.errors import EndpointError, SmokeTestError
from crosscloud_mnist.monitoring import read_predictions
from crosscloud_mnist.pipelines.smoke_test.nodes import check_endpoints
from crosscloud_mnist.pipelines.smoke_test.report import assert_passed, build_report
from rehearsal.drill import backends, cloud_endpoint, corrupted_copy, retrained_copy
from rehearsal.load import Load
from rehearsal.mnist_contract import mnist_contract


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN", raising=False)


def load_on(client, bundle):
    golden = bundle.golden()
    return Load(client, golden.images, golden.expected)


def wait_for_calls(load, more):
    deadline, count = time.monotonic() + 60, len(load.milliseconds) + more
    while len(load.milliseconds) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def test_no_call_fails_while_one_of_two_clouds_is_killed(tiny_bundle, tmp_path):
    with cloud_endpoint("azure", tmp_path) as azure, cloud_endpoint("gcp", tmp_path) as gcp:
        for each in (azure, gcp):
            each.deploy(tiny_bundle.folder, "1")
        endpoints = {each.cloud: each.endpoint for each in (azure, gcp)}
        with FailoverClient(backends([azure, gcp])) as client:
            load = load_on(client, tiny_bundle)
            with load.running():
                wait_for_calls(load, 100)
                azure.kill()
                wait_for_calls(load, 300)
            assert load.failures == []
            assert client.counts.failures == 0
            assert client.counts.calls == len(load.milliseconds) >= 400
            assert client.counts.retries == client.counts.failovers >= 1

            with pytest.raises(SmokeTestError, match=r"^azure failed: .* does not answer"):
                assert_passed(build_report(check_endpoints(endpoints), [], []))

            other = retrained_copy(tiny_bundle.folder, tmp_path / "other")
            azure.deploy(other, "2")
            with pytest.raises(SmokeTestError, match="azure version 2 .*, gcp version 1") as info:
                assert_passed(build_report(check_endpoints(endpoints), [], []))
            assert digest_of(other) in str(info.value)
            assert tiny_bundle.digest in str(info.value)


def test_no_call_fails_while_a_version_is_replaced_and_a_worker_killed(
    tiny_bundle, tmp_path, record_property
):
    with cloud_endpoint("gcp", tmp_path, workers=2) as gcp:
        gcp.deploy(tiny_bundle.folder, "1")
        with FailoverClient(backends([gcp])) as client:
            load = load_on(client, tiny_bundle)
            with load.running():
                wait_for_calls(load, 100)
                gcp.deploy(retrained_copy(tiny_bundle.folder, tmp_path / "second"), "2")
                wait_for_calls(load, 100)
                with pytest.raises(EndpointError, match="golden"):
                    gcp.deploy(corrupted_copy(tiny_bundle.folder, tmp_path / "bad"), "3")
                assert gcp.endpoint.describe().model_version == "2"
                wait_for_calls(load, 100)
                gcp.kill_worker()
                wait_for_calls(load, 300)
            assert gcp.endpoint.describe().model_version == "2"
            assert load.failures == []
            assert client.counts.failures == 0
            assert client.counts.calls == len(load.milliseconds) >= 600
            record_property("retries", client.counts.retries)


def test_the_log_of_an_endpoint_can_be_monitored(tiny_bundle, digits, tmp_path):
    folder = tmp_path / "log"
    images = digits["t10k-images-idx3-ubyte"][:40]
    log = {"sampling_fraction": 1.0, "folder": str(folder)}
    with cloud_endpoint("gcp", tmp_path, inference_log=log) as gcp:
        gcp.deploy(tiny_bundle.folder, "1")
        sent = [gcp.endpoint.predict(images[at : at + 4]) for at in range(0, 40, 4)]
    answers = read_predictions(InferenceLogDataset(source=str(folder)).load(), mnist_contract())
    assert (answers.requests, answers.rejected, answers.unreadable) == (10, 0, 0)
    assert {image.tobytes() for image in answers.images} == {image.tobytes() for image in images}
    np.testing.assert_allclose(
        np.sort(answers.probabilities, axis=0), np.sort(np.concatenate(sent), axis=0), atol=1e-6
    )
    assert (answers.served_entity, answers.other_models) == ("mnist_cnn-1", 0)
