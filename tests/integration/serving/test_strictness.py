"""Slow and many clients, loaded libraries, the OpenAPI document, the request log."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest

from crosscloud_mnist.serving.http import app, http_protocol

pytestmark = pytest.mark.process

NAME = "mnist_cnn"
HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
REQUEST = b"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.settimeout(20)
    return connection


def read_all(connection) -> bytes:
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def drip(server, sent: bytes, dripped: bytes) -> tuple[bytes, float]:
    """Send the rest byte by byte until the server closes; return its response and the seconds."""
    started = time.monotonic()
    with connect(server) as connection:
        connection.sendall(sent)
        connection.settimeout(0.3)
        received, rest = b"", iter(dripped)
        while time.monotonic() - started < 60:
            try:
                part = connection.recv(65536)
                received += part
                if not part:
                    break
            except TimeoutError:
                with contextlib.suppress(StopIteration, OSError):
                    connection.sendall(bytes([next(rest)]))
            except ConnectionResetError:
                break
    return received, time.monotonic() - started


def count_closed_by_client(server) -> float:
    """Return how many predict requests were counted with status 499."""
    lines = httpx.get(f"{server.address}/metrics").text.splitlines()
    prefix = 'http_request_duration_seconds_count{route="/invocations",status="499"} '
    return sum(float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))


def test_slow_clients_time_out_and_do_not_delay_others(server):
    before = count_closed_by_client(server)
    body = b"content-length: 900\r\n\r\n"
    slow = {
        "nothing": (b"", b""),
        "head": (HEALTH + b"x: ", b"y" * 300),
        "second head": (
            b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: y\r\n\r\nGET /",
            b"y" * 300,
        ),
        "body": (REQUEST + body, b" " * 300),
        "no body": (REQUEST + body, b""),
        "body that the application does not read": (
            REQUEST.replace(b"/inv", b"/none") + body,
            b" " * 300,
        ),
    }
    with ThreadPoolExecutor(len(slow)) as pool:
        ends = {name: pool.submit(drip, server, *of) for name, of in slow.items()}
        time.sleep(1)
        assert httpx.get(f"{server.address}/health", timeout=5).status_code == 200
    responses = {name: end.result()[0].split(b"\r\n", 1)[0] for name, end in ends.items()}
    assert responses == {
        "nothing": b"",
        "head": b"HTTP/1.1 408 Request Timeout",
        "second head": b"HTTP/1.1 200 OK",
        "body": b"HTTP/1.1 408 Request Timeout",
        "no body": b"HTTP/1.1 408 Request Timeout",
        "body that the application does not read": b"HTTP/1.1 404 Not Found",
    }
    assert b"HTTP/1.1 408" in ends["second head"].result()[0]
    for name in ("body", "no body"):
        error = json.loads(ends[name].result()[0].partition(b"\r\n\r\n")[2])
        assert "the body took over 10 s" in error["message"]
    assert "Traceback" not in server.output
    assert count_closed_by_client(server) == before + 2
    assert max(end.result()[1] for end in ends.values()) < http_protocol.BODY_TIMEOUT_SECONDS + 10


def test_an_endless_head_is_rejected(server):
    with connect(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        try:
            for _ in range(40):
                connection.sendall(b"x: " + b"y" * 10_000)
        except OSError:
            pass
        assert read_all(connection)[:12] in (b"HTTP/1.1 431", b"")
    assert httpx.get(f"{server.address}/health").status_code == 200


def test_data_that_is_not_http_is_rejected(server):
    with connect(server) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 400")


def test_the_server_loads_neither_pandas_nor_tensorflow_nor_mlflow(server, tiny_bundle):
    """Looked up in the memory map of the running worker."""
    httpx.post(
        f"{server.address}/invocations",
        json={"instances": tiny_bundle.golden().images.tolist()},
    ).raise_for_status()
    (worker,) = server.workers()
    mapped = " ".join(file.path for file in worker.memory_maps())
    assert "onnxruntime" in mapped
    assert not re.search(r"site-packages/(pandas|tensorflow|sklearn|pyarrow)", mapped)


def test_importing_the_server_imports_no_heavy_library():
    import subprocess
    import sys

    code = (
        "import sys, crosscloud_mnist.serving.http.app, crosscloud_mnist.serving.inference.model, "
        "crosscloud_mnist.serving.supervisor, crosscloud_mnist.serving.worker, onnxruntime\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"pandas", "tensorflow", "keras", "mlflow", "kedro", "scipy", "sklearn", "pyspark"}
    assert not heavy & set(done.stdout.split())


def test_the_openapi_document_describes_every_route_and_the_decoders_types(server, contract):
    document = httpx.get(f"{server.address}/openapi.json").json()
    routes = {
        route.path: sorted(set(route.methods) - {"HEAD"})
        for route in app.create_app(_Named(contract), None).routes
        if route.path not in ("/", "/page")
    }
    assert {path: sorted(map(str.upper, of)) for path, of in document["paths"].items()} == routes
    schemas = document["components"]["schemas"]
    rows = schemas["ImagesRequest"]["properties"]["instances"]
    for size in ((1, 1024), (28, 28), (28, 28)):
        assert (rows["type"], rows["minItems"], rows["maxItems"]) == ("array", *size)
        rows = rows["items"]
    assert rows == {"type": "number", "minimum": 0, "maximum": 255, "multipleOf": 1}
    assert schemas["ImagesRequest"]["additionalProperties"] is False
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in schemas
    post = document["paths"]["/invocations"]["post"]["responses"]["400"]
    assert post["content"]["application/json"]["schema"]["$ref"].endswith("MLflowError")
    post = document["paths"][f"/v1/models/{NAME}:predict"]["post"]["responses"]["400"]
    assert post["content"]["application/json"]["schema"]["$ref"].endswith("TFServingError")


class _Named:
    name, version, digest = NAME, "7", "ab" * 32
    max_inline_batch, predict, decode = 1, None, None

    def __init__(self, contract):
        self.contract = contract


def test_each_request_is_logged_with_its_id_and_version_and_without_pixels(start, tiny_bundle):
    logging = start(tiny_bundle.folder)
    images = tiny_bundle.golden().images[:1].tolist()
    response = httpx.post(f"{logging.address}/invocations", json={"instances": images})
    until = time.monotonic() + 5  # the line is written once the response is out
    while "/invocations" not in logging.output and time.monotonic() < until:
        time.sleep(0.02)
    (line,) = [line for line in logging.output.splitlines() if "/invocations" in line]
    logged = msgspec.json.decode(line)
    assert logged["request_id"] == response.headers["x-request-id"]
    assert (logged["model_version"], logged["status"], logged["method"]) == ("7", 200, "POST")
    assert set(logged) == {
        *("time", "request_id", "method", "route", "status", "milliseconds", "model_version"),
    }
