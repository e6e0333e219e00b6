"""The client: probabilities, or one line that describes the failure."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from crosscloud_mnist.client import EndpointClient
from crosscloud_mnist.errors import (
    ConfigurationError,
    EndpointError,
    EndpointUnavailableError,
    InvalidResponseError,
)
from rehearsal.mnist_contract import mnist_contract

IMAGES = np.zeros((2, 28, 28), np.uint8)
VALID = [[0.1] * 10, [1.0] + [0.0] * 9]


@contextmanager
def endpoint(content: bytes, status: int = 200) -> Iterator[tuple[str, list[dict]]]:
    """An endpoint that answers everything with the content, and the requests that it received."""
    received: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append({"body": json.loads(body), "token": self.headers["authorization"]})
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Keep the console quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/invocations", received
        server.shutdown()


def test_the_contract_of_the_endpoint_says_which_predictions_are_unsure():
    body = json.dumps({"contract": mnist_contract().to_record()}).encode()
    with endpoint(body) as (url, _), EndpointClient(url) as client:
        contract = client.fetch_contract()
    assert [contract.interpret(row).is_unsure for row in VALID] == [True, False]


@pytest.mark.parametrize("body", [b"{}", b'{"contract": {"shape": [-1, 28]}}'])
def test_an_endpoint_without_a_valid_contract_is_one_line(body):
    with (
        endpoint(body) as (url, _),
        EndpointClient(url) as client,
        pytest.raises(InvalidResponseError, match="returned no valid contract") as caught,
    ):
        client.fetch_contract()
    assert "\n" not in str(caught.value)


def test_sends_instances_and_the_token_and_returns_probabilities():
    valid = json.dumps({"predictions": VALID}).encode()
    with endpoint(valid) as (url, received), EndpointClient(url, "a-token") as client:
        np.testing.assert_allclose(client.predict(IMAGES), VALID)
    assert received == [{"body": {"instances": IMAGES.tolist()}, "token": "Bearer a-token"}]


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b'{"message": "bring\\n a token"}', 401, "returned 401: .*bring"),
        (b"<html>oops\n</html>", 502, "returned 502: <html>oops </html>"),
        (b"<html>", 200, "body that is not JSON"),
        (b"{}", 200, "returned no valid predictions"),
        (b"[]", 200, "returned no valid predictions"),
        (b'{"predictions": [["a"]]}', 200, "returned no valid predictions"),
        (b'{"predictions": [[1]]}', 200, r"returned predictions of shape \(1, 1\)"),
        (json.dumps({"predictions": VALID[:1]}).encode(), 200, r"of shape \(1, 10\)"),
        (json.dumps({"predictions": [[1] * 10] * 2}).encode(), 200, "are not probabilities"),
    ],
)
def test_names_what_the_endpoint_returned(content, status, message):
    with (
        endpoint(content, status) as (url, _),
        EndpointClient(url, "a-token") as client,
        pytest.raises(EndpointError, match=message) as raised,
    ):
        client.predict(IMAGES)
    assert "\n" not in str(raised.value)
    assert "a-token" not in str(raised.value)


def test_another_number_of_classes_than_is_known_is_no_prediction():
    valid = json.dumps({"predictions": VALID}).encode()
    with endpoint(valid) as (url, _):
        with EndpointClient(url, class_count=10) as client:
            np.testing.assert_allclose(client.predict(IMAGES), VALID)
        with (
            EndpointClient(url, class_count=3) as client,
            pytest.raises(EndpointError, match=r"returned predictions of shape \(2, 10\)"),
        ):
            client.predict(IMAGES)


def test_names_the_address_that_does_not_answer():
    message = r"127\.0\.0\.1:9/invocations does not answer"
    with (
        EndpointClient("http://127.0.0.1:9/invocations") as client,
        pytest.raises(EndpointError, match=message),
    ):
        client.predict(IMAGES)


@pytest.mark.parametrize(
    "content",
    [
        b'{"predictions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"other": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"predictions": [[' + b"9" * 5000 + b"]]}",
        json.dumps({"predictions": [[2.0, -1.0] + [0.0] * 8] * 2}).encode(),
        b'{"predictions": [[NaN, 1, 0, 0, 0, 0, 0, 0, 0, 0]]}',
        b'{"predictions": [[1e999, 0, 0, 0, 0, 0, 0, 0, 0, 0]]}',
        b"\xff\xfe",
    ],
    ids=["deep", "deep elsewhere", "huge integer", "2 and -1", "NaN", "infinite", "no UTF-8"],
)
def test_a_body_that_holds_no_probabilities_is_the_endpoints_failure(content):
    with (
        endpoint(content) as (url, _),
        EndpointClient(url) as client,
        pytest.raises(InvalidResponseError, match="returned"),
    ):
        client.predict(IMAGES)


@contextmanager
def raw_server(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that sends the parts to every connection, with a pause before each."""

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for part in parts:
                time.sleep(pause)
                connection.sendall(part)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/invocations"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_compressed_response_is_not_decompressed():
    bomb = gzip.compress(bytes(200 * 2**20), 1)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    tracemalloc.start()
    with (
        raw_server(head, bomb) as url,
        EndpointClient(url) as client,
        pytest.raises(InvalidResponseError, match="a compressed response, expected"),
    ):
        client.predict(IMAGES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_response_without_end_is_not_kept():
    parts = [b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * 2**20] * 100]
    with (
        raw_server(*parts) as url,
        EndpointClient(url) as client,
        pytest.raises(
            InvalidResponseError, match="too long a response, expected at most 33554432 B"
        ),
    ):
        client.predict(IMAGES)


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 90, b" " * 90])
def test_a_server_that_drips_bytes_is_left_at_the_deadline(drip):
    head = b"" if drip.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n"
    parts = [head, *(bytes([byte]) for byte in drip)]
    with raw_server(*parts, pause=0.1) as url, EndpointClient(url, seconds=1) as client:
        started = time.monotonic()
        with pytest.raises(EndpointUnavailableError, match="did not answer within 1 s"):
            client.predict(IMAGES)
        assert time.monotonic() - started < 1.5


def test_a_message_holds_no_escape_sequence_and_no_secret():
    body = b"\x1b[31mred\x07 a-token " + b"x" * 290 + b"a-token http://user:pass@host/"
    with (
        endpoint(body, 400) as (url, _),
        EndpointClient(url.replace("//", "//user:hunter2@"), "a-token") as client,
        pytest.raises(EndpointError) as raised,
    ):
        client.predict(IMAGES)
    message = str(raised.value)
    assert message.isprintable()
    assert message.startswith("http://127.0.0.1:")
    assert "returned 400: [31mred *** xxx" in message
    assert not any(secret in message for secret in ("a-token", "hunter2", "pass@"))


def test_a_password_in_the_address_is_sent_and_not_logged(caplog):
    valid = json.dumps({"predictions": VALID}).encode()
    with endpoint(valid) as (url, received), caplog.at_level(logging.DEBUG):
        with EndpointClient(url.replace("//", "//user:hunter2@")) as client:
            client.predict(IMAGES)
        assert "hunter2" not in caplog.text
    assert received[0]["token"] == "Basic " + base64.b64encode(b"user:hunter2").decode()


def test_an_invalid_address_is_shown_without_its_password():
    with pytest.raises(EndpointError, match=r"//\*\*\*@") as raised:
        EndpointClient("http://user:hunter2@host:port/invocations")
    assert "hunter2" not in str(raised.value)


def test_a_token_that_no_header_can_hold_is_one_line():
    with pytest.raises(ConfigurationError, match="holds a blank, a control") as raised:
        EndpointClient("http://127.0.0.1:9/invocations", "päss word")
    assert "päss" not in str(raised.value)


def test_a_name_with_control_characters_is_not_a_valid_version():
    body = json.dumps({"name": "m\x1b[2J", "version": "1", "digest": "ab" * 32}).encode()
    with (
        raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body) as url,
        EndpointClient(url) as client,
        pytest.raises(InvalidResponseError, match="no valid name and version and digest"),
    ):
        client.describe()


def test_a_proxy_never_sees_a_request_to_loopback(monkeypatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    valid = json.dumps({"predictions": VALID}).encode()
    with endpoint(valid) as (url, received), endpoint(valid) as (proxy, seen):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.removesuffix("/invocations"))
        with EndpointClient(url, "a-token") as client:
            client.predict(IMAGES)
        with EndpointClient("http://model.example/invocations") as client:
            client.predict(IMAGES)
    assert (len(received), len(seen)) == (1, 1)
    assert seen[0]["token"] is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "socks5://user:hunter2@127.0.0.1:1"),
        ("HTTPS_PROXY", "gopher://user:hunter2@127.0.0.1:1"),
        ("SSL_CERT_FILE", "/no/such/file"),
    ],
)
def test_a_broken_proxy_or_certificate_variable_is_one_line(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"correct .*{variable}") as raised:
        EndpointClient("https://model.example/invocations", "a-token")
    assert str(raised.value).isprintable()
    assert "hunter2" not in str(raised.value)
