"""The local endpoint's life: started, replaced, kept when its successor fails, stopped."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from crosscloud_mnist.adapters.local import LocalEndpoint, stop
from crosscloud_mnist.adapters.local import endpoint as local
from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import ModelVersion

NAME = "mnist_cnn"


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN", raising=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "endpoint"
    yield LocalEndpoint(name=NAME, host="127.0.0.1", port=port, folder=str(folder))
    stop(folder)


def pid(tmp_path):
    return json.loads((tmp_path / "endpoint" / "endpoint.json").read_text())["pid"]


def version(bundle, number):
    return ModelVersion(NAME, number, bundle.digest)


def test_serves_replaces_and_stops(
    endpoint, tiny_bundle, tiny_contents, signer, tmp_path, monkeypatch
):
    golden = tiny_bundle.golden()
    deployment = endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    assert (deployment.model_version, deployment.digest) == ("1", tiny_bundle.digest)
    np.testing.assert_allclose(endpoint.predict(golden.images), golden.expected, atol=1e-6)
    first = pid(tmp_path)

    assert endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder) == deployment
    assert pid(tmp_path) == first

    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    assert endpoint.deploy(version(other, "2"), other.folder).digest == other.digest
    assert endpoint.describe().model_version == "2"
    assert pid(tmp_path) == first

    harmed = shutil.copytree(other.folder, tmp_path / "harmed")
    shutil.copy(harmed / "MLmodel", harmed / "artifacts" / "model.onnx")
    broken = ModelVersion(NAME, "3", digest_of(harmed))
    with pytest.raises(
        EndpointError, match="the graph of mnist_cnn 3 cannot be opened.*version 2 stays"
    ):
        endpoint.deploy(broken, harmed)
    assert endpoint.describe().model_version == "2"

    assert stop(tmp_path / "endpoint")
    with pytest.raises(EndpointError, match="does not answer"):
        endpoint.describe()
    assert not stop(tmp_path / "endpoint")


def test_a_deployment_that_was_given_up_leaves_the_endpoint_able(
    endpoint, tiny_bundle, tiny_contents, signer, tmp_path, monkeypatch
):
    """Its folder is gone when the swap is over, and with it the place for the outcome."""
    endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    monkeypatch.setattr(local, "_SWAP_SECONDS", 0)
    with pytest.raises(EndpointError, match="version 2 did not start"):
        endpoint.deploy(version(other, "2"), other.folder)
    until = time.monotonic() + 60
    while endpoint.describe().model_version != "2" and time.monotonic() < until:
        time.sleep(0.1)
    monkeypatch.undo()
    assert endpoint.deploy(version(tiny_bundle, "3"), tiny_bundle.folder).model_version == "3"


def test_outlives_the_process_that_started_it(endpoint, tiny_bundle, tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from crosscloud_mnist.adapters.local import LocalEndpoint\n"
        "from crosscloud_mnist.ports import ModelVersion\n"
        "name, port, folder, bundle, digest = sys.argv[1:]\n"
        "endpoint = LocalEndpoint(name=name, host='127.0.0.1', port=int(port), folder=folder)\n"
        "endpoint.deploy(ModelVersion(name, '1', digest), Path(bundle))\n"
    )
    port = endpoint._settings.port
    values = [NAME, str(port), str(tmp_path / "endpoint"), str(tiny_bundle.folder)]
    subprocess.run([sys.executable, "-c", code, *values, tiny_bundle.digest], check=True)
    assert endpoint.describe().model_version == "1"


def test_a_token_in_the_environment_protects_it(endpoint, tiny_bundle, monkeypatch):
    monkeypatch.setenv("MNIST_ENDPOINT_TOKEN", "a-token")
    endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN")
    with pytest.raises(EndpointError, match="returned 401"):
        endpoint.describe()


def test_says_that_the_port_belongs_to_another_program(endpoint, tiny_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", endpoint._settings.port))
        taken.listen()
        with pytest.raises(EndpointError, match="is taken by another program"):
            endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
