"""What one client may hold of the endpoint: bytes, time and connections."""

from __future__ import annotations

import json
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from crosscloud_mnist.serving.http import connections, http_protocol, timed_connection

pytestmark = pytest.mark.process

HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
PREDICT = b"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
CHUNKED = PREDICT + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(start):
    """A server of these tests alone: they measure its memory."""
    return start()


@pytest.fixture(scope="module")
def worker(server) -> psutil.Process:
    (worker,) = server.workers()
    return worker


@pytest.fixture
def body(tiny_bundle):
    return {"instances": tiny_bundle.golden().images[:1].tolist()}


def connect(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def send_until_closed(connection: socket.socket, data: bytes, max_bytes: int) -> int:
    """Send the data repeatedly; return how many bytes were sent before the server closed."""
    sent = 0
    with suppress(OSError):
        while sent < max_bytes:
            sent += connection.send(data)
    return sent


def read_all(connection: socket.socket) -> bytes:
    received = b""
    with suppress(OSError):
        while part := connection.recv(65536):
            received += part
    return received


def is_answered(connection: socket.socket) -> bool:
    """Send a request over the connection and read the response to its end."""
    connection.sendall(HEALTH)
    response = b""
    while not response.endswith(b'{"status":"ok"}'):
        response += connection.recv(65536)
    return response.startswith(b"HTTP/1.1 200")


def wait_until_closed(connection: socket.socket) -> float:
    """Return after how many seconds the server closed the connection, 30 at most."""
    started = time.monotonic()
    connection.settimeout(1)
    while (seconds := time.monotonic() - started) < 30:
        try:
            connection.send(b"\r\n")
        except TimeoutError:
            continue
        except OSError:
            break
    return seconds


def megabytes(worker: psutil.Process) -> float:
    return worker.memory_info().rss / 2**20


def test_trailers_are_rejected(server):
    with connect(server) as connection:
        connection.sendall(CHUNKED + b"2\r\n{}\r\n0\r\nx: y\r\n\r\n")
        response = read_all(connection)
    assert response.startswith(b"HTTP/1.1 400")
    assert b"trailers" in response


def test_a_token_in_a_trailer_is_not_accepted(start):
    server = start(token="a-token-of-this-test")
    head = b"GET /version HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(head + b"0\r\nauthorization: Bearer a-token-of-this-test\r\n\r\n")
        assert read_all(connection)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 401", b"")


@pytest.mark.parametrize("trailer", [b"x: " + b"y" * 8000 + b"\r\n", b"y" * 65536])
def test_endless_trailers_take_no_memory(server, worker, trailer):
    before = megabytes(worker)
    with connect(server) as connection:
        connection.sendall(CHUNKED + b"2\r\n{}\r\n0\r\nx: ")
        sent = send_until_closed(connection, trailer, 64 * 2**20)
    assert sent < 16 * 2**20  # most of it is in the kernel's buffers
    assert megabytes(worker) - before < 20


@pytest.mark.parametrize("path", [b"//[", b"http://[::1", b"/" + b"x" * 20_000, b"/%zz\xff"])
def test_a_path_that_cannot_be_parsed_is_rejected(server, path):
    with connect(server) as connection:
        connection.sendall(HEALTH.replace(b"/health", path))
        assert read_all(connection)[:10] == b"HTTP/1.1 4"
    assert "Traceback" not in server.output


def test_too_many_headers_are_rejected(server):
    with connect(server) as connection:
        connection.sendall(HEALTH[:-2] + b"a: b\r\n" * 101 + b"\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 431")


def test_bodies_are_limited_together_and_small_requests_are_still_answered(server, worker, body):
    before, size = megabytes(worker), 8 * 2**20

    def hold(number: int) -> bytes:
        with connect(server) as connection:
            connection.sendall(PREDICT + b"content-length: %d\r\n\r\n" % size)
            connection.settimeout(3)
            with suppress(OSError):
                connection.sendall(b" " * (size - 1))
            try:
                return connection.recv(65536)
            except TimeoutError:
                return b""  # held
            except OSError:
                return b"closed"

    with ThreadPoolExecutor(20) as pool:
        held = [pool.submit(hold, number) for number in range(20)]
        time.sleep(1.5)
        statuses = {
            httpx.post(f"{server.address}/invocations", json=body).status_code for _ in range(10)
        }
        peak = megabytes(worker)
        responses = [one.result() for one in held]
    assert statuses == {200}
    assert peak - before < 80
    rejected = [response for response in responses if response.startswith(b"HTTP/1.1 503")]
    assert len(rejected) >= 14
    assert b"retry-after: 1" in rejected[0]
    large = {"instances": body["instances"] * 200}
    assert httpx.post(f"{server.address}/invocations", json=large).status_code == 200


def test_pipelined_requests_are_answered_in_order_up_to_a_limit(server, worker):
    with connect(server) as connection:
        connection.sendall(HEALTH * 10)
        connection.settimeout(2)
        assert read_all(connection).count(b"HTTP/1.1 200") == 10
    before = megabytes(worker)
    with ExitStack() as stack:
        held = [stack.enter_context(connect(server)) for _ in range(20)]
        for connection in held:
            connection.sendall(HEALTH * 4000)
        counts = [read_all(connection).count(b"HTTP/1.1 200") for connection in held]
    assert max(counts) <= http_protocol.MAX_PIPELINED_REQUESTS + 1
    assert megabytes(worker) - before < 30


def test_a_large_body_does_not_delay_other_requests(server):
    row = b"[" + b",".join([b"1"] * 28) + b"]"
    content = b'{"instances":[[' + b",".join([row] * (15 * 2**20 // len(row))) + b"]]}"
    headers = {"content-type": "application/json"}
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=server.address) as client:
        client.get("/health")
        large = pool.submit(
            httpx.post, f"{server.address}/invocations", content=content, headers=headers
        )
        longest = 0.0
        while not large.done():
            started = time.monotonic()
            client.get("/health")
            longest = max(longest, time.monotonic() - started)
    assert large.result().status_code == 400
    assert longest < 0.5


def test_responses_that_nobody_reads_are_dropped(server, worker, body):
    content = json.dumps({"instances": body["instances"] * 1024}).encode()
    request = PREDICT + b"content-length: %d\r\n\r\n" % len(content) + content
    before = megabytes(worker)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.settimeout(2)
        send_until_closed(connection, request, 500 * 2**20)  # it blocks: nothing is read
        seconds = wait_until_closed(connection)
    assert seconds < timed_connection.WRITE_TIMEOUT_SECONDS + 10
    assert megabytes(worker) - before < 60


def test_idle_connections_give_way_oldest_first(server, body):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with ExitStack() as stack:
        idle = []
        for _ in range(connections.MAX_CONNECTIONS + 20):
            connection = stack.enter_context(connect(server))
            assert is_answered(connection)
            idle.append(connection)
        assert httpx.post(f"{server.address}/invocations", json=body).status_code == 200
        idle[0].settimeout(1)
        assert idle[0].recv(1) == b""  # closed
        assert is_answered(idle[-1])


def test_incomplete_bodies_do_not_take_the_place_of_predictions(server, body):
    with ExitStack() as stack:
        for _ in range(400):
            connection = stack.enter_context(connect(server))
            connection.sendall(PREDICT + b"content-length: 9\r\n\r\n{")
        for _ in range(20):
            assert httpx.post(f"{server.address}/invocations", json=body).status_code == 200


def test_line_ends_do_not_keep_a_connection_open(server):
    with connect(server) as connection:
        assert is_answered(connection)
        connection.sendall(b"\r\n")
        connection.settimeout(http_protocol.HEAD_TIMEOUT_SECONDS + 5)
        assert connection.recv(1) == b""


def test_line_ends_do_not_keep_a_connection_open_whose_body_ended_after_its_response(server):
    head = PREDICT.replace(b"application/json", b"text/plain") + b"content-length: 4\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 415 ")
        connection.sendall(b"body")
        time.sleep(0.2)
        connection.sendall(b"\r\n")
        connection.settimeout(http_protocol.HEAD_TIMEOUT_SECONDS + 5)
        assert connection.recv(1) == b""
