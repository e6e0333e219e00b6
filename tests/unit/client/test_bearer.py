"""The token of an endpoint: asked for again when it is rejected and before it expires."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from crosscloud_mnist.client import Backend, BearerToken, EndpointClient, FailoverClient
from crosscloud_mnist.errors import ConfigurationError, EndpointError, EndpointUnavailableError

IMAGES = np.zeros((1, 28, 28), np.uint8)
VALID = json.dumps({"predictions": [[0.1] * 10]}).encode()


class Service:
    """An endpoint that accepts some tokens only, and the tokens that it received."""

    def __init__(self, *accepted: str, status: int = 401, message: bytes = b"no") -> None:
        self.accepted, self.status, self.message = set(accepted), status, message
        self.received: list[str] = []
        self.url = ""


@contextmanager
def running(service: Service) -> Iterator[Service]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            token = self.headers["authorization"].removeprefix("Bearer ")
            service.received.append(token)
            is_accepted = token in service.accepted
            content = VALID if is_accepted else service.message
            self.send_response(200 if is_accepted else service.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Keep the console quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        service.url = f"http://127.0.0.1:{server.server_port}/invocations"
        yield service
        server.shutdown()


class Source:
    """Returns one token after the other, and the last one from then on."""

    def __init__(self, *tokens: str, valid_seconds: float | None = None) -> None:
        self.tokens, self.valid_seconds, self.calls = list(tokens), valid_seconds, 0

    def __call__(self) -> BearerToken:
        self.calls += 1
        token = self.tokens[min(self.calls, len(self.tokens)) - 1]
        return BearerToken(token, self.valid_seconds)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, b"Credential was not sent"),
        (403, b'{"message": "Invalid access token."}'),
        (403, b"Token is expiring within 30 seconds. (token expired)"),
    ],
)
def test_a_rejected_token_is_asked_for_again_and_the_request_sent_once_more(status, message):
    source = Source("old-token", "new-token")
    with (
        running(Service("new-token", status=status, message=message)) as service,
        EndpointClient(service.url, source) as client,
    ):
        for _ in range(2):
            client.predict(IMAGES)
    assert service.received == ["old-token", "new-token", "new-token"]
    assert source.calls == 2


def test_a_token_that_stays_rejected_is_sent_twice_and_no_more():
    source = Source("first-token", "second-token")
    with (
        running(Service()) as service,
        EndpointClient(service.url, source) as client,
        pytest.raises(EndpointError, match="returned 401"),
    ):
        client.predict(IMAGES)
    assert service.received == ["first-token", "second-token"]


@pytest.mark.parametrize("source", ["a-token", Source("a-token")])
def test_a_request_is_not_sent_again_with_the_same_token(source):
    with (
        running(Service()) as service,
        EndpointClient(service.url, source) as client,
        pytest.raises(EndpointError, match="returned 401"),
    ):
        client.predict(IMAGES)
    assert service.received == ["a-token"]


def test_a_missing_permission_is_not_taken_for_a_rejected_token():
    source = Source("first-token", "second-token")
    with (
        running(Service(status=403, message=b"does not have CAN_QUERY")) as service,
        EndpointClient(service.url, source) as client,
        pytest.raises(EndpointError, match="returned 403: does not have CAN_QUERY"),
    ):
        client.predict(IMAGES)
    assert service.received == ["first-token"]


def test_a_token_is_asked_for_before_it_expires():
    source = Source("first-token", "second-token", valid_seconds=0.4)
    with (
        running(Service("first-token", "second-token")) as service,
        EndpointClient(service.url, source) as client,
    ):
        client.predict(IMAGES)
        client.predict(IMAGES)
        time.sleep(0.3)
        client.predict(IMAGES)
    assert service.received == ["first-token", "first-token", "second-token"]


def test_threads_that_are_rejected_together_ask_for_one_token():
    source = Source("old-token", "new-token")
    with (
        running(Service("new-token")) as service,
        EndpointClient(service.url, source) as client,
    ):
        threads = [threading.Thread(target=client.predict, args=(IMAGES,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert service.received.count("new-token") == 8
    assert source.calls == 2


def test_a_token_is_neither_logged_nor_shown(caplog):
    caplog.set_level(logging.DEBUG)
    secret = "eyJ-secret-of-this-test"
    service = Service(message=f"bad token {secret}".encode())
    with (
        running(service),
        EndpointClient(service.url, lambda: secret) as client,
        pytest.raises(EndpointError, match=r"bad token \*\*\*") as raised,
    ):
        client.predict(IMAGES)
    assert secret not in str(raised.value) + caplog.text
    assert secret not in repr(BearerToken(secret)) + repr(Backend("gcp", "", token=secret))


def test_where_the_source_of_one_cloud_fails_the_other_cloud_answers():
    def fail() -> str:
        raise OSError("the issuer does not answer")

    with running(Service("a-token")) as service:
        backends = [
            Backend("azure", service.url, token=fail),
            Backend("gcp", service.url, token=lambda: "a-token"),
        ]
        with FailoverClient(backends) as client:
            client.predict(IMAGES)
            assert client.counts.failovers == 1
        with (
            EndpointClient(service.url, fail) as alone,
            pytest.raises(EndpointUnavailableError, match="was not renewed .*the issuer does not"),
        ):
            alone.predict(IMAGES)


@pytest.mark.parametrize("token", ["two words", "schlüssel", "line\nbreak"])
def test_a_token_that_cannot_be_a_header_is_reported(token):
    with pytest.raises(ConfigurationError, match="expected none; set it again"):
        EndpointClient("http://127.0.0.1:9/invocations", token)
    with (
        EndpointClient("http://127.0.0.1:9/invocations", lambda: token) as client,
        pytest.raises(ConfigurationError, match="expected none; set it again"),
    ):
        client.predict(IMAGES)


def test_a_backend_has_a_token_or_a_variable_not_both():
    with pytest.raises(ConfigurationError, match="a token and a token_variable, expected one"):
        Backend("gcp", "http://127.0.0.1:9", "MNIST_TOKEN", token="a-token").read_token()
