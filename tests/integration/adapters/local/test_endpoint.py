"""The local endpoint's life: started, replaced, kept when its successor fails, stopped."""

from __future__ import annotations

import json
import shutil
import socket
import time
from dataclasses import replace

import httpx
import numpy as np
import psutil
import pytest

from crosscloud_mnist.adapters.local import endpoint as local
from crosscloud_mnist.adapters.local import stop
from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import EndpointError, UnauthorizedError
from crosscloud_mnist.ports import ModelVersion
from tests.integration.adapters.local.local_endpoint import (
    NAME,
    find_supervisors,
    free_port,
    version,
)

pytestmark = pytest.mark.process


def test_serves_replaces_and_stops(endpoint, folder, tiny_bundle, tiny_contents, signer, tmp_path):
    golden = tiny_bundle.golden()
    deployment = endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    assert (deployment.model_version, deployment.digest) == ("1", tiny_bundle.digest)
    np.testing.assert_allclose(endpoint.predict(golden.images), golden.expected, atol=1e-6)
    first = find_supervisors(folder)

    assert endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder) == deployment
    assert find_supervisors(folder) == first

    other = write(replace(tiny_contents, keras=b"another"), tmp_path / "other", signer)
    assert endpoint.deploy(version(other, "2"), other.folder).digest == other.digest
    assert endpoint.describe().model_version == "2"
    assert find_supervisors(folder) == first

    damaged = shutil.copytree(other.folder, tmp_path / "damaged")
    shutil.copy(damaged / "MLmodel", damaged / "artifacts" / "model.onnx")
    broken = ModelVersion(NAME, "3", digest_of(damaged))
    with pytest.raises(
        EndpointError, match="the graph of mnist_cnn 3 cannot be opened.*version 2 stays"
    ):
        endpoint.deploy(broken, damaged)
    assert endpoint.describe().model_version == "2"

    assert stop(folder)
    with pytest.raises(EndpointError, match="does not answer"):
        endpoint.describe()
    assert not stop(folder)


def test_a_swap_whose_deployment_gave_up_is_finished_by_the_supervisor(
    endpoint, tiny_bundle, tiny_contents, signer, tmp_path, monkeypatch
):
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


def test_a_token_in_the_environment_protects_it(endpoint, tiny_bundle, monkeypatch):
    monkeypatch.setenv("MNIST_ENDPOINT_TOKEN", "a-token")
    endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN")
    with pytest.raises(UnauthorizedError, match="returned 401: .* set MNIST_ENDPOINT_TOKEN to it"):
        endpoint.describe()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, "a-token", "the endpoint runs without a token, expected the one of MNIST_ENDPOINT"),
        ("a-token", None, "returned 401: .* set MNIST_ENDPOINT_TOKEN to it"),
        ("a-token", "another", "returned 401: .* set MNIST_ENDPOINT_TOKEN to it"),
    ],
)
def test_a_deployment_does_not_pass_over_another_token(
    before, after, found, endpoint, tiny_bundle, monkeypatch
):
    for token in (before, after):
        if token is None:
            monkeypatch.delenv("MNIST_ENDPOINT_TOKEN", raising=False)
        else:
            monkeypatch.setenv("MNIST_ENDPOINT_TOKEN", token)
        if token == before:
            endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)
    with pytest.raises(EndpointError, match=found):
        endpoint.deploy(version(tiny_bundle, "2"), tiny_bundle.folder)


def test_a_port_of_another_program_is_one_line(endpoint, tiny_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", endpoint._settings.port))
        taken.listen()
        with pytest.raises(EndpointError, match="is taken by another program"):
            endpoint.deploy(version(tiny_bundle, "1"), tiny_bundle.folder)


def change_graph(folder, bundle):
    """Change the kept copy: the graph stays valid, its golden answers are not checked by digest."""
    card = folder / "bundles" / bundle.digest / "artifacts" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"trained": "elsewhere"}))


def test_a_changed_copy_is_not_served_after_a_crash(endpoint, folder, tiny_bundle):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    (supervisor,) = find_supervisors(folder)
    change_graph(folder, tiny_bundle)
    workers = [each for each in supervisor.children() if "spawn_main" in str(each.cmdline())]
    workers[0].kill()
    psutil.wait_procs([supervisor], timeout=60)  # uvicorn asks a new worker for 30 s
    assert not find_supervisors(folder)
    log = (folder / "endpoint.log").read_text()
    assert f"expected {tiny_bundle.digest} of version 1; it is not served" in log
    assert endpoint.deploy(version(tiny_bundle), tiny_bundle.folder).digest == tiny_bundle.digest


def test_a_changed_copy_is_replaced_by_the_next_deployment(endpoint, folder, tiny_bundle):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    change_graph(folder, tiny_bundle)
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert digest_of(folder / "bundles" / tiny_bundle.digest) == tiny_bundle.digest
    stop(folder)
    change_graph(folder, tiny_bundle)
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert digest_of(folder / "bundles" / tiny_bundle.digest) == tiny_bundle.digest


def test_a_bundle_that_is_not_the_recorded_one_is_not_served(endpoint, folder, tiny_bundle):
    with pytest.raises(EndpointError, match=f"has the digest {tiny_bundle.digest}, expected ab"):
        endpoint.deploy(ModelVersion(NAME, "1", "ab" * 32), tiny_bundle.folder)
    assert not find_supervisors(folder)


def test_serves_on_ipv6(create, tiny_bundle):
    endpoint = create(host="::1")
    deployment = endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert deployment.endpoint.startswith("http://[::1]:")
    assert httpx.get(deployment.endpoint.partition("/serving")[0] + "/health").status_code == 200


def test_a_host_of_another_machine_is_one_line(create, tiny_bundle):
    endpoint = create(host="192.0.2.1", port=free_port())
    with pytest.raises(EndpointError, match=r"192.0.2.1:\d+ cannot be opened \(.*expected a free"):
        endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)


def test_a_proxy_in_the_environment_is_not_used(endpoint, tiny_bundle, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert endpoint.deploy(version(tiny_bundle), tiny_bundle.folder).model_version == "1"
