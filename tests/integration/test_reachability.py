"""A server is reached directly or through the environment's proxy; what is wrong is one line."""

from __future__ import annotations

import base64
import importlib.util
import socket
import threading
from contextlib import closing

import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.reachability import check_reachable


class Proxy:
    """A proxy on loopback that gives every request one answer."""

    def __init__(self, answer):
        self.requests = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with closing(connection):
                self.requests.append(connection.recv(4096).decode())
                connection.sendall(self._answer)

    def close(self):
        self._socket.close()


@pytest.fixture
def start_proxy(monkeypatch):
    proxies = []

    def start(answer=b"HTTP/1.1 200 Connection established\r\n\r\n"):
        proxies.append(Proxy(answer))
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://ada:p%40ss@{proxies[-1].address}")
        return proxies[-1]

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield start
    for proxy in proxies:
        proxy.close()


def check(address):
    check_reachable(address, "a workspace", RegistryError)


@pytest.fixture
def dead():
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"127.0.0.1:{port}"


def test_a_server_that_listens_is_reached_and_a_dead_one_is_not(dead):
    with socket.create_server(("127.0.0.1", 0)) as server:
        check(f"http://127.0.0.1:{server.getsockname()[1]}")
    with pytest.raises(RegistryError, match="does not answer .*expected a workspace there"):
        check(f"http://ada:secret@{dead}")
    with pytest.raises(RegistryError) as raised:
        check(f"http://ada:secret@{dead}")
    assert "secret" not in str(raised.value)


def test_a_host_behind_the_proxy_is_asked_for_there(start_proxy):
    proxy = start_proxy()
    check("https://workspace.invalid")
    check("http://workspace.invalid:5000/x")
    connect, head = proxy.requests
    assert connect.startswith("CONNECT workspace.invalid:443 HTTP/1.1\r\n")
    assert head.startswith("HEAD http://workspace.invalid:5000/ HTTP/1.1\r\n")
    credentials = base64.b64encode(b"ada:p@ss").decode()
    assert f"Proxy-Authorization: Basic {credentials}\r\n" in connect


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answers 502, expected a connection to workspace"),
        (b"HTTP/1.1 407 Auth\r\n\r\n", "answers 407, .*the user and the password"),
        (b"SSH-2.0-x\r\n", "does not answer as one"),
    ],
)
def test_what_the_proxy_answers_is_in_the_message_without_its_password(
    start_proxy, answer, message
):
    start_proxy(answer)
    with pytest.raises(RegistryError, match=message) as raised:
        check("https://workspace.invalid")
    assert "http://***@127.0.0.1" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_loopback_and_excluded_hosts_do_not_go_through_the_proxy(start_proxy, monkeypatch):
    proxy = start_proxy()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check(f"http://127.0.0.1:{port}")
        check(f"http://localhost:{port}")
    monkeypatch.setenv("no_proxy", "workspace.invalid")
    with pytest.raises(RegistryError, match="does not answer"):
        check("https://workspace.invalid")
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("http://{dead}", "its proxy http://{dead} does not answer"),
        ("ftp://{dead}", "expected http://host:port"),
        ("http://host:port", "does not answer|cannot be reached"),
    ],
)
def test_a_broken_proxy_variable_is_one_line(start_proxy, monkeypatch, dead, proxy, message):
    monkeypatch.setenv("https_proxy", proxy.format(dead=dead))
    with pytest.raises(RegistryError, match=message.format(dead=dead)) as raised:
        check("https://workspace.invalid")
    assert "\n" not in str(raised.value)


def test_a_socks_proxy_without_its_library_is_one_line(start_proxy, monkeypatch, dead):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "crosscloud_mnist.reachability.find_spec",
        lambda name: None if name == "socks" else find_spec(name),
    )
    monkeypatch.setenv("https_proxy", f"socks5://{dead}")
    with pytest.raises(RegistryError, match=r"PySocks is not installed; .*requests\[socks\]"):
        check("https://workspace.invalid")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_variable_with_an_absent_file_is_one_line(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path / "absent.pem"))
    with pytest.raises(RegistryError, match=f"{name} is .*absent.pem, which does not exist"):
        check("https://workspace.invalid")
