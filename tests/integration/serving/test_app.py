"""The endpoint over real HTTP."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket

import httpx
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.process

NAME, VERSION, TOKEN = "mnist_cnn", "7", "a-token-of-this-test"
ROUTES = (
    "/invocations",
    f"/serving-endpoints/{NAME}/invocations",
    f"/v1/models/{NAME}:predict",
    f"/v1/models/{NAME}/versions/{VERSION}:predict",
    f"/v1/models/{NAME}/labels/champion:predict",
)


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.address) as client:
        yield client


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 28, 28, 1)])
def test_every_route_answers_as_the_graph_does(http, tiny_bundle, route, shape):
    golden = tiny_bundle.golden()
    for images, expected in (
        (golden.images, golden.expected),
        (np.repeat(golden.images, 90, axis=0), np.repeat(golden.expected, 90, axis=0)),
    ):
        response = http.post(route, json={"instances": images.reshape(shape).tolist()})
        assert response.status_code == 200
        np.testing.assert_allclose(response.json()["predictions"], expected, atol=1e-6)


@pytest.mark.parametrize("route", ROUTES)
def test_a_bad_body_is_rejected_in_the_form_of_the_route(http, route):
    response = http.post(route, json={"instances": [[[0.5] * 28] * 28]})
    assert response.status_code == 400
    error = response.json()
    message = error["error"] if route.startswith("/v1") else error["message"]
    assert "multiple of 1" in message
    assert "0.5" not in message
    assert set(error) == ({"error"} if route.startswith("/v1") else {"error_code", "message"})


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("POST", "/v1/models/other:predict", {"json": {}}, 404),
        ("POST", f"/v1/models/{NAME}/versions/8:predict", {"json": {}}, 404),
        ("POST", f"/v1/models/other/versions/{VERSION}:predict", {"json": {}}, 404),
        ("GET", f"/v1/models/{NAME}/versions/8", {}, 404),
        ("GET", "/invocations", {}, 405),
        ("DELETE", "/health", {}, 405),
        ("POST", "/invocations", {"content": b"{}", "headers": {"content-type": "text/csv"}}, 415),
        ("POST", "/invocations", {"content": b"{}"}, 415),
        ("POST", "/image", {"content": b"no image", "headers": {"content-type": "image/png"}}, 400),
        ("POST", "/image", {"content": b"", "headers": {"content-type": "image/png"}}, 400),
        ("POST", "/image", {"content": b"no image"}, 415),
        ("POST", "/image", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
    ],
)
def test_a_wrong_request_is_rejected(http, method, path, options, status):
    response = http.request(method, path, **options)
    assert response.status_code == status
    assert "\n" not in response.text
    assert response.headers["content-type"] == "application/json"


def test_too_large_a_body_is_rejected(http):
    headers = {"content-type": "application/json"}
    response = http.post("/invocations", content=b" " * (17 * 2**20), headers=headers)
    assert response.status_code == 413


def test_an_image_file_is_answered_with_the_models_input_and_its_probabilities(http, digits):
    image = Image.fromarray(255 - digits["t10k-images-idx3-ubyte"][0]).resize((200, 200))
    file = io.BytesIO()
    image.save(file, "PNG")
    response = http.post(
        "/image", content=file.getvalue(), headers={"content-type": "image/png"}
    ).json()
    assert np.shape(response["model_input"]) == (28, 28)
    assert sum(response["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert response["unsure"] == (max(response["probabilities"]) < 0.9)
    prediction = http.post("/invocations", json={"instances": [response["model_input"]]}).json()
    assert prediction["predictions"] == [response["probabilities"]]


def test_version_and_status_name_the_model_that_is_served(http, tiny_bundle):
    version = http.get("/version").json()
    assert (version["name"], version["version"], version["digest"]) == (
        NAME,
        VERSION,
        tiny_bundle.digest,
    )
    assert version["card"]["dataset"] == "uci-digits"
    assert version["min_confidence"] == version["contract"]["min_probability"]
    (status,) = http.get(f"/v1/models/{NAME}").json()["model_version_status"]
    assert (status["version"], status["state"]) == (VERSION, "AVAILABLE")
    assert http.get(f"/v1/models/{NAME}/versions/{VERSION}").status_code == 200
    metadata = http.get(f"/v1/models/{NAME}/metadata").json()
    assert metadata["model_spec"]["name"] == NAME


def test_the_page_loads_nothing_from_another_host(http):
    page = http.get("/")
    assert page.status_code == 200
    responses = [page]
    for asset in ("/page/page.css", "/page/page.js"):
        assert asset in page.text
        responses.append(http.get(asset))
    for response in responses:
        assert response.status_code == 200
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert http.post("/invocations").headers["x-content-type-options"] == "nosniff"
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_metrics_count_requests_and_predictions(http, tiny_bundle):
    def count(line: str) -> float:
        text = http.get("/metrics").text
        return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(line))

    request = f'http_request_duration_seconds_count{{route="{ROUTES[0]}",status="200"}}'
    before = count(request), count("mnist_predicted_probability_count")
    images = tiny_bundle.golden().images[:3].tolist()
    response = http.post(ROUTES[0], json={"instances": images})
    assert (count(request), count("mnist_predicted_probability_count")) == (
        before[0] + 1,
        before[1] + 3,
    )
    assert len(response.headers["x-request-id"]) == 32


def test_a_content_type_is_needed_except_on_tensorflow_servings_routes(http, tiny_bundle):
    content = json.dumps({"instances": tiny_bundle.golden().images[:1].tolist()}).encode()
    statuses = [http.post(route, content=content).status_code for route in ROUTES]
    assert statuses == [415, 415, 200, 200, 200]


def test_labels_are_counted_as_one_route(http, tiny_bundle):
    body = {"instances": tiny_bundle.golden().images[:1].tolist()}
    for label in ("champion", "stable", "a"):
        path = f"/v1/models/{NAME}/labels/{label}:predict"
        assert http.post(path, json=body).status_code == 200
    routes = re.findall(r'_count{route="([^"]*labels[^"]*)"', http.get("/metrics").text)
    assert set(routes) == {f"/v1/models/{NAME}/labels/{{label}}:predict"}


def test_an_unknown_path_and_another_method_say_where_the_paths_are(http):
    unknown = http.post("/v1/models/other:predict", json={"instances": []})
    assert unknown.status_code == 404
    assert "/openapi.json lists the paths" in unknown.json()["error"]
    other = http.get("/invocations")
    assert other.status_code == 405
    assert "/openapi.json lists them" in other.json()["message"]


def test_unknown_paths_and_the_pages_files_are_each_counted_as_one_route(http):
    for path in ("/page/index.html", "/page/none", "/unknown", "/invocations/no"):
        http.get(path)
    routes = set(
        re.findall(
            r'http_request_duration_seconds_count{route="([^"]*)"', http.get("/metrics").text
        )
    )
    assert {"/page", "none"} <= routes
    assert not {route for route in routes if route.startswith(("/page/", "/unknown"))}
    assert "/invocations/no" not in routes


def test_a_token_is_required_everywhere_but_for_the_health_check_and_the_page(start, tiny_bundle):
    address = start(token=TOKEN).address
    body = {"instances": tiny_bundle.golden().images[:1].tolist()}
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        response = httpx.post(f"{address}/invocations", json=body, headers=headers)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    authorization = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{address}/invocations", json=body, headers=authorization).status_code == 200
    for path in ("/health", "/ping", "/", "/page/page.js"):
        assert httpx.get(address + path).status_code == 200
    for path in ("/version", "/metrics", f"/v1/models/{NAME}"):
        assert httpx.get(address + path).status_code == 401


def test_sigterm_ends_the_server(start):
    server = start()
    assert httpx.get(f"{server.address}/health").status_code == 200
    server.process.terminate()
    assert server.process.wait(timeout=20) == 0


def test_a_bundle_that_predicts_its_golden_set_wrong_is_not_served(start, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle.folder, tmp_path / "bundle")
    golden = tiny_bundle.golden()
    np.savez(
        folder / "artifacts" / "golden.npz",
        images=golden.images,
        labels=(golden.labels + 1) % 10,
        expected=golden.expected,
    )
    failed = start(folder)
    assert failed.process.wait(timeout=20) == 1
    assert f"Error: {NAME} {VERSION} predicts 8 of 8 golden images wrong" in failed.output
    assert "Traceback" not in failed.output


def test_a_port_that_is_in_use_is_one_line(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        failed = start(port=port)
        assert failed.process.wait(timeout=20) == 1
    assert f"Error: 127.0.0.1:{port} cannot be opened" in failed.output
    assert "Traceback" not in failed.output
