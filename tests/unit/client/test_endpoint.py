"""The client: probabilities, or one line that says what the endpoint did."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from crosscloud_mnist.client import EndpointClient
from crosscloud_mnist.errors import EndpointError

PICTURES = np.zeros((2, 28, 28), np.uint8)
RIGHT = [[0.1] * 10, [1.0] + [0.0] * 9]


@contextmanager
def endpoint(content: bytes, status: int = 200) -> Iterator[tuple[str, list[dict]]]:
    """An endpoint that answers everything with the content, and the requests that it got."""
    got: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append({"body": json.loads(body), "token": self.headers["authorization"]})
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/invocations", got
        server.shutdown()


def test_sends_instances_and_the_token_and_returns_probabilities():
    right = json.dumps({"predictions": RIGHT}).encode()
    with endpoint(right) as (url, got), EndpointClient(url, "a-token") as client:
        np.testing.assert_allclose(client.predict(PICTURES), RIGHT)
    assert got == [{"body": {"instances": PICTURES.tolist()}, "token": "Bearer a-token"}]


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b'{"message": "bring\\n a token"}', 401, "answered 401: .*bring"),
        (b"<html>oops\n</html>", 502, "answered 502: <html>oops </html>"),
        (b"<html>", 200, "answered no JSON"),
        (b"{}", 200, "answered no predictions"),
        (b"[]", 200, "answered no predictions"),
        (b'{"predictions": [["a"]]}', 200, "answered no predictions"),
        (b'{"predictions": [[1]]}', 200, r"answered predictions of shape \(1, 1\)"),
        (json.dumps({"predictions": RIGHT[:1]}).encode(), 200, r"of shape \(1, 10\)"),
        (json.dumps({"predictions": [[1] * 10] * 2}).encode(), 200, "are no probabilities"),
    ],
)
def test_says_what_the_endpoint_did(content, status, said):
    with (
        endpoint(content, status) as (url, _),
        EndpointClient(url, "a-token") as client,
        pytest.raises(EndpointError, match=said) as raised,
    ):
        client.predict(PICTURES)
    assert "\n" not in str(raised.value)
    assert "a-token" not in str(raised.value)


def test_says_that_nobody_answers():
    nobody = r"127\.0\.0\.1:9/invocations does not answer"
    with (
        EndpointClient("http://127.0.0.1:9/invocations") as client,
        pytest.raises(EndpointError, match=nobody),
    ):
        client.predict(PICTURES)
