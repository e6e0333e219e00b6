"""One contract, two servers: the local one, and the stock MLflow server that Databricks runs.

The stock server runs in an environment that MLflow builds from the bundle's own files.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.process

IMAGE = np.arange(784).reshape(28, 28) % 256


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """The folder in which MLflow builds environments; they take half a gigabyte each."""
    folder = tmp_path_factory.mktemp("environments")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pyenv(tiny_bundle, tmp_path_factory):
    """A folder with a ``pyenv`` that has this interpreter, in place of compiling the same one."""
    folder = tmp_path_factory.mktemp("pyenv")
    version = yaml.safe_load((tiny_bundle.folder / "python_env.yaml").read_text())["python"]
    interpreter = folder / "versions" / version / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(Path(sys.executable).resolve())
    command = folder / "bin" / "pyenv"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\ntest $1 != root || echo {folder}\n")
    command.chmod(0o755)
    return command.parent


@pytest.fixture(scope="module")
def stock(tiny_bundle, environments, pyenv, free_port, tmp_path_factory):
    """``mlflow models serve`` on the same bundle, in the environment that the bundle describes."""
    port, log = free_port(), tmp_path_factory.mktemp("stock") / "log"
    path = f"{pyenv}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "virtualenv"),
                *("--model-uri", str(tiny_bundle.folder), "--port", str(port)),
            ],
            env=os.environ
            | {"PATH": path, "MLFLOW_ENV_ROOT": str(environments), "PIP_NO_COMPILE": "1"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 300  # most of it is pip's
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                httpx.get(f"{address}/ping").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture(scope="module", params=["local", "stock"])
def post(request):
    """Post a body, as JSON or as it stands, and return the response."""
    if request.param == "local":
        address = request.getfixturevalue("server").address
    else:
        address = request.getfixturevalue("stock")
    with httpx.Client(base_url=address, timeout=30) as client:

        def post(body):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"content-type": "application/json"}
            return client.post("/invocations", content=content, headers=headers)

        yield post


def test_the_stock_server_has_exactly_what_the_bundle_pins(stock, environments, tiny_bundle):
    (environment,) = environments.iterdir()
    freeze = [environment / "bin" / "python", "-m", "pip", "list", "--format", "freeze"]
    installed = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    pins = (tiny_bundle.folder / "requirements.txt").read_text()
    tools = yaml.safe_load((tiny_bundle.folder / "python_env.yaml").read_text())
    expected = {*pins.split(), *tools["build_dependencies"]}
    assert {_normalize(line) for line in installed.split()} == expected


def _normalize(pin: str) -> str:
    name, separator, version = pin.partition("==")
    return f"{canonicalize_name(name)}{separator}{version}"


def with_pixel(text: str) -> bytes:
    body = json.dumps({"instances": [IMAGE.tolist()]})
    changed = body.replace("[[[0, 1,", f"[[[0, {text},", 1)
    assert changed != body or text == "1"
    return changed.encode()


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize("count", [1, 2, 8, 100])
@pytest.mark.parametrize("kind", [int, float])
def test_images_get_the_probabilities_of_the_golden_set(post, tiny_bundle, key, count, kind):
    golden = tiny_bundle.golden()
    images = np.resize(golden.images, (count, 28, 28)).astype(kind)
    response = post({key: images.tolist()})
    assert response.status_code == 200
    assert list(response.json()) == ["predictions"]
    expected = np.resize(golden.expected, (count, 10))
    np.testing.assert_allclose(response.json()["predictions"], expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 8])
def test_images_may_carry_the_name_of_the_models_input(post, tiny_bundle, count):
    golden = tiny_bundle.golden()
    images, expected = golden.images[:count].tolist(), golden.expected[:count]
    rows = {"instances": [{"images": image} for image in images]}
    columns = {"inputs": {"images": images}}
    for form in (rows, columns):
        response = post(form)
        assert response.status_code == 200, response.text
        np.testing.assert_allclose(response.json()["predictions"], expected, atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        {"instances": [{"pixels": IMAGE.tolist()}]},
        {"instances": [{"images": IMAGE[:27].tolist()}]},
        {"inputs": {"pixels": [IMAGE.tolist()]}},
        {"inputs": {"images": IMAGE.tolist()}},
    ],
    ids=range(4),
)
def test_another_name_or_shape_is_rejected(post, form):
    assert 400 <= post(form).status_code < 500


@pytest.mark.parametrize("kind", [int, float])
def test_pixels_of_zero_and_one_are_rejected_and_a_blank_image_is_answered(post, kind):
    scaled = (IMAGE > 127).astype(kind).tolist()
    for images in ([scaled], [IMAGE.tolist(), scaled]):
        response = post({"instances": images})
        assert 400 <= response.status_code < 500
        assert "do not scale the pixels" in response.text
    assert post({"instances": np.zeros((1, 28, 28), kind).tolist()}).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["0.5", "1.9", "0.00392156862745098", "NaN", "Infinity", "null", "256", "-1", "1e9", "[1, 2]"],
)
def test_a_value_that_is_no_pixel_is_rejected(post, value):
    assert 400 <= post(with_pixel(value)).status_code < 500


def test_scaled_pixels_are_rejected(post, tiny_bundle):
    scaled = tiny_bundle.golden().images[:2] / 255
    assert 400 <= post({"instances": scaled.tolist()}).status_code < 500


@pytest.mark.parametrize(
    "images",
    [
        [],
        [[]],
        IMAGE.tolist(),
        IMAGE.ravel().tolist(),
        [IMAGE.ravel().tolist()],
        [IMAGE[:27].tolist()],
        [IMAGE[:, :27].tolist()],
        [[*IMAGE[:27].tolist(), IMAGE[27, :20].tolist()]],
        [[IMAGE.tolist()]],
        np.zeros((1, 28, 28, 3), int).tolist(),
        [IMAGE.tolist(), IMAGE[:27].tolist()],
        7,
        None,
    ],
    ids=range(13),
)
def test_every_wrong_shape_is_rejected(post, images):
    assert 400 <= post({"instances": images}).status_code < 500


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"images": [1]}'])
def test_a_body_that_is_no_request_is_rejected(post, body):
    assert 400 <= post(body).status_code < 500


@pytest.mark.parametrize("field", ["dataframe_split", "dataframe_records", "params"])
def test_the_local_server_rejects_mlflows_other_forms_by_name(server, field):
    body = {"instances": [IMAGE.tolist()], field: {}}
    response = httpx.post(f"{server.address}/invocations", json=body)
    assert response.status_code == 400
    assert f'{field} is not supported; send {{"instances"' in response.json()["message"]


def test_the_local_server_rejects_another_signature_name(server):
    body = {"instances": [IMAGE.tolist()], "signature_name": "another"}
    assert httpx.post(f"{server.address}/invocations", json=body).status_code == 400


@pytest.mark.parametrize("value", ["true", '"7"'])
def test_the_local_server_also_rejects_booleans_and_strings(server, value):
    headers = {"content-type": "application/json"}
    url = f"{server.address}/invocations"
    response = httpx.post(url, content=with_pixel(value), headers=headers)
    assert response.status_code == 400
    assert "at `$.instances[0][0][1]`" in response.json()["message"]
