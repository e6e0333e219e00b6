"""Who reaches the endpoint: its names, its token, and what a browser may do."""

from __future__ import annotations

import socket

import httpx
import pytest

pytestmark = pytest.mark.process

TOKEN = "a-token-of-this-test"


def get_status(server, *host_lines: bytes, path: bytes = b"/version") -> int:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        lines = b"".join(b"host: " + line + b"\r\n" for line in host_lines)
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + lines + b"\r\n")
        return int(connection.recv(65536).split()[1])


@pytest.mark.parametrize("host", [b"localhost", b"127.0.0.1:8501", b"[::1]:1", b"LOCALHOST:80"])
def test_loopback_names_are_allowed(server, host):
    assert get_status(server, host) == 200


@pytest.mark.parametrize("path", [b"/version", b"/", b"/health", b"/nothing"])
@pytest.mark.parametrize(
    "host", [b"attacker.example", b"127.0.0.1.attacker.example", b"localhost@x", b"", b"[::1"]
)
def test_another_name_is_rejected(server, host, path):
    assert get_status(server, host, path=path) == 421


def test_no_host_or_two_are_rejected(server):
    assert get_status(server) == 400
    assert get_status(server, b"localhost", b"localhost") == 400


def test_a_setting_adds_names(start, tiny_bundle):
    server = start(tiny_bundle.folder, allowed_hosts=["Model.Example"])
    assert get_status(server, b"model.example:8501") == 200
    assert get_status(server, b"other.example") == 421


def test_no_page_can_frame_the_endpoints_page(server):
    policy = httpx.get(server.address).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(start, scheme):
    address = start(token=TOKEN).address
    for token, status in ((TOKEN, 200), (TOKEN + "x", 401), ("", 401)):
        headers = {"authorization": f"{scheme} {token}".strip()}
        assert httpx.get(f"{address}/version", headers=headers).status_code == status


@pytest.mark.parametrize("token", ["", "é", "two words"])
def test_a_token_that_no_client_can_send_is_refused_at_start(start, token):
    server = start(token=token)
    assert server.process.wait(timeout=20) != 0
    assert "Error: the endpoint's token" in server.output
    assert "Traceback" not in server.output
