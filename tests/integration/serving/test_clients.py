"""The routes, called by the clients that people have for each of the three servers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import requests

pytestmark = pytest.mark.process

NAME, TOKEN = "mnist_cnn", "a-token-of-this-test"


@pytest.fixture(scope="module")
def address(start):
    return start(token=TOKEN).address


@pytest.fixture(scope="module")
def golden(tiny_bundle):
    return tiny_bundle.golden()


def test_mlflows_deployments_client_gets_predictions(address, golden, monkeypatch):
    from mlflow.deployments import get_deploy_client

    monkeypatch.setenv("DATABRICKS_HOST", address)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    client = get_deploy_client("databricks")
    response = client.predict(endpoint=NAME, inputs={"instances": golden.images.tolist()})
    np.testing.assert_allclose(response["predictions"], golden.expected, atol=1e-6)
    with pytest.raises(requests.HTTPError, match="400"):
        client.predict(endpoint=NAME, inputs={"instances": [[[0.5] * 28] * 28]})


def test_the_databricks_sdk_gets_predictions_and_typed_errors(address, golden):
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import BadRequest, NotFound, Unauthenticated

    client = WorkspaceClient(host=address, token=TOKEN)
    response = client.serving_endpoints.query(NAME, instances=golden.images.tolist())
    np.testing.assert_allclose(response.predictions, golden.expected, atol=1e-6)
    response = client.serving_endpoints.query(NAME, inputs=golden.images.tolist())
    np.testing.assert_allclose(response.predictions, golden.expected, atol=1e-6)
    with pytest.raises(BadRequest, match="multiple of 1"):
        client.serving_endpoints.query(NAME, instances=[[[0.5] * 28] * 28])
    with pytest.raises(NotFound):
        client.serving_endpoints.query("another", instances=golden.images.tolist())
    stranger = WorkspaceClient(host=address, token="another")
    with pytest.raises(Unauthenticated, match="bearer token is missing or wrong"):
        stranger.serving_endpoints.query(NAME, instances=golden.images.tolist())


def test_tensorflow_servings_documented_calls_work(address, golden):
    """https://www.tensorflow.org/tfx/tutorials/serving/rest_simple; there is no client package."""
    images = golden.images.reshape(-1, 28, 28, 1)
    data = json.dumps({"signature_name": "serving_default", "instances": images.tolist()})
    headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    url = f"{address}/v1/models/{NAME}"
    response = json.loads(requests.post(f"{url}:predict", data=data, headers=headers).text)
    np.testing.assert_allclose(response["predictions"], golden.expected, atol=1e-6)
    # curl -d sends a form's content type, and the documentation sets none.
    form = {**headers, "content-type": "application/x-www-form-urlencoded"}
    for path in (":predict", "/versions/7:predict", "/labels/champion:predict"):
        response = requests.post(url + path, data=data, headers=form)
        np.testing.assert_allclose(response.json()["predictions"], golden.expected, atol=1e-6)
    assert requests.post(f"{address}/invocations", data=data, headers=form).status_code == 415
    state = requests.get(url, headers=headers).json()["model_version_status"][0]
    assert (state["state"], state["status"]["error_code"]) == ("AVAILABLE", "OK")
    signature = requests.get(f"{url}/metadata", headers=headers).json()["metadata"]
    inputs = signature["signature_def"]["signature_def"]["serving_default"]["inputs"]
    assert [int(dim["size"]) for dim in inputs["images"]["tensor_shape"]["dim"]] == [-1, 28, 28]
