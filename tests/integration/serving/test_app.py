"""The endpoint over real HTTP."""

from __future__ import annotations

import io
import re
import shutil
import socket

import httpx
import numpy as np
import pytest
from PIL import Image

NAME, VERSION, TOKEN = "mnist_cnn", "7", "a-token-of-this-test"
ROUTES = (
    "/invocations",
    f"/serving-endpoints/{NAME}/invocations",
    f"/v1/models/{NAME}:predict",
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
        answer = http.post(route, json={"instances": images.reshape(shape).tolist()})
        assert answer.status_code == 200
        np.testing.assert_allclose(answer.json()["predictions"], expected, atol=1e-6)


@pytest.mark.parametrize("route", ROUTES)
def test_a_bad_body_is_refused_in_the_routes_own_shape(http, route):
    answer = http.post(route, json={"instances": [[[0.5] * 28] * 28]})
    assert answer.status_code == 400
    said = answer.json()
    message = said["error"] if route.startswith("/v1") else said["message"]
    assert "multiple of 1" in message
    assert "0.5" not in message
    assert set(said) == ({"error"} if route.startswith("/v1") else {"error_code", "message"})


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("POST", "/v1/models/other:predict", {"json": {}}, 404),
        ("GET", "/invocations", {}, 405),
        ("DELETE", "/health", {}, 405),
        ("POST", "/invocations", {"content": b"{}", "headers": {"content-type": "text/csv"}}, 415),
        ("POST", "/invocations", {"content": b"{}"}, 415),
        ("POST", "/image", {"content": b"no image"}, 400),
        ("POST", "/image", {"content": b""}, 400),
    ],
)
def test_a_wrong_request_is_refused(http, method, path, options, status):
    answer = http.request(method, path, **options)
    assert answer.status_code == status
    assert "\n" not in answer.text
    assert answer.headers["content-type"] == "application/json"


def test_too_large_a_body_is_refused(http):
    headers = {"content-type": "application/json"}
    answer = http.post("/invocations", content=b" " * (17 * 2**20), headers=headers)
    assert answer.status_code == 413


def test_a_image_file_is_answered_with_what_the_model_sees(http, digits):
    ink = Image.fromarray(255 - digits["t10k-images-idx3-ubyte"][0]).resize((200, 200))
    file = io.BytesIO()
    ink.save(file, "PNG")
    answer = http.post("/image", content=file.getvalue()).json()
    assert np.shape(answer["seen"]) == (28, 28)
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-4)
    asked = http.post("/invocations", json={"instances": [answer["seen"]]}).json()
    assert asked["predictions"] == [answer["probabilities"]]


def test_says_what_is_served(http, tiny_bundle):
    said = http.get("/version").json()
    assert (said["name"], said["version"], said["digest"]) == (NAME, VERSION, tiny_bundle.digest)
    assert said["card"]["dataset"] == "uci-digits"
    (status,) = http.get(f"/v1/models/{NAME}").json()["model_version_status"]
    assert (status["version"], status["state"]) == (VERSION, "AVAILABLE")
    described = http.get(f"/v1/models/{NAME}/metadata").json()
    assert described["model_spec"]["name"] == NAME


def test_the_page_needs_nothing_from_elsewhere(http):
    page = http.get("/")
    assert page.status_code == 200
    answers = [page]
    for asset in ("/page/page.css", "/page/page.js"):
        assert asset in page.text
        answers.append(http.get(asset))
    for answer in answers:
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert http.post("/invocations").headers["x-content-type-options"] == "nosniff"
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_counts_requests_and_answers(http, tiny_bundle):
    def count(line: str) -> float:
        text = http.get("/metrics").text
        return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(line))

    request = f'mnist_request_seconds_count{{route="{ROUTES[0]}",status="200"}}'
    before = count(request), count("mnist_confidence_count")
    images = tiny_bundle.golden().images[:3].tolist()
    answer = http.post(ROUTES[0], json={"instances": images})
    assert (count(request), count("mnist_confidence_count")) == (before[0] + 1, before[1] + 3)
    assert len(answer.headers["x-request-id"]) == 32


def test_what_no_route_takes_and_the_pages_files_are_counted_under_one_name_each(http):
    for path in ("/page/index.html", "/page/none", "/elsewhere", "/invocations/no"):
        http.get(path)
    routes = set(
        re.findall(r'mnist_request_seconds_count{route="([^"]*)"', http.get("/metrics").text)
    )
    assert {"/page", "none"} <= routes
    assert not {route for route in routes if route.startswith(("/page/", "/elsewhere"))}
    assert "/invocations/no" not in routes


def test_a_token_is_asked_of_everyone_but_the_health_check_and_the_page(start, tiny_bundle):
    address = start(token=TOKEN).address
    body = {"instances": tiny_bundle.golden().images[:1].tolist()}
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        refused = httpx.post(f"{address}/invocations", json=body, headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    given = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{address}/invocations", json=body, headers=given).status_code == 200
    for path in ("/health", "/ping", "/", "/page/page.js"):
        assert httpx.get(address + path).status_code == 200
    for path in ("/version", "/metrics", f"/v1/models/{NAME}"):
        assert httpx.get(address + path).status_code == 401


def test_ends_on_sigterm(start):
    server = start()
    assert httpx.get(f"{server.address}/health").status_code == 200
    server.process.terminate()
    assert server.process.wait(timeout=20) == 0


def test_does_not_start_on_a_bundle_that_answers_wrongly(start, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle.folder, tmp_path / "bundle")
    golden = tiny_bundle.golden()
    np.savez(
        folder / "artifacts" / "golden.npz",
        images=golden.images,
        labels=(golden.labels + 1) % 10,
        expected=golden.expected,
    )
    refused = start(folder)
    assert refused.process.wait(timeout=20) == 1
    assert f"Error: {NAME} {VERSION} names 8 of 8 golden images wrong" in refused.said
    assert "Traceback" not in refused.said


def test_says_that_the_port_is_taken(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = start(port=port)
        assert refused.process.wait(timeout=20) == 1
    assert f"Error: 127.0.0.1:{port} cannot be opened" in refused.said
    assert "Traceback" not in refused.said
