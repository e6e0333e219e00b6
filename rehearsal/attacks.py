"""The attacks: what a hostile client sends, and what must hold.

``scale`` is the size of an attack: 1 as it was found to break an endpoint, less for a short form.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import httpx
import psutil

from crosscloud_mnist.serving.http.connections import MAX_CONNECTIONS
from crosscloud_mnist.serving.http.http_protocol import WRITE_TIMEOUT_SECONDS
from rehearsal import hostile_images

_ROW = b"[" + b",".join([b"1"] * 28) + b"]"
_HELD_SECONDS = 8.0
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Target:
    """The endpoint under attack.

    Attributes:
        url: ``http://host:port``.
        token: Its bearer token.
        supervisor: Its first process.
    """

    url: str
    token: str
    supervisor: psutil.Process

    @property
    def authorization(self) -> dict[str, str]:
        """The headers of an authorized request."""
        return {"authorization": f"Bearer {self.token}"}

    def head(self, method: str, path: str, *headers: str, is_authorized: bool = True) -> bytes:
        """Return a request's head, without its last line end."""
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", *headers]
        if is_authorized:
            lines.append(f"authorization: Bearer {self.token}")
        return "\r\n".join(lines).encode() + b"\r\n"

    def connect(self, receive_buffer_bytes: int | None = None) -> socket.socket:
        """Open a connection."""
        connection = socket.socket()
        if receive_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect(("127.0.0.1", int(self.url.rpartition(":")[2])))
        return connection


@dataclass(frozen=True)
class Outcome:
    """What an attack came to.

    Attributes:
        has_held: Whether the endpoint did what it should.
        observed: In a few words.
    """

    has_held: bool
    observed: str


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        title: What is tried.
        run: Tries it.
    """

    title: str
    run: Callable[[Target, float], Outcome]


def _send_until_closed(connection: socket.socket, data: bytes, max_bytes: int) -> int:
    """Send the data repeatedly; return how many bytes were sent before the endpoint closed."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < max_bytes:
            sent += connection.send(data)
    return sent


def _receive_status(connection: socket.socket) -> int | None:
    """Return the status of the next response; ``None`` where the connection is closed."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(connection.recv(65536).split()[1])
    return None


def _exchange(target: Target, request: bytes) -> int | None:
    with target.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(request)
        return _receive_status(connection)


@contextlib.contextmanager
def _connections(target: Target, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(target.connect()) for _ in range(count)]


def endless_trailers(target: Target, scale: float) -> Outcome:
    """Send trailers without an end over one connection, one long value over another."""
    max_bytes = int(82 * 2**20 * scale)
    head = target.head("POST", "/invocations", "content-type: application/json")
    sent = []
    for trailer in (b"x: " + b"y" * 4000 + b"\r\n", b"y" * 65536):
        with target.connect() as connection:
            connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nz: ")
            sent.append(_send_until_closed(connection, trailer, max_bytes))
    megabytes = max(sent) / 2**20
    return Outcome(max(sent) < max_bytes, f"closed after {megabytes:.1f} MiB were sent")


def token_in_trailer(target: Target, _scale: float) -> Outcome:
    """Send the token in a trailer, not in a header."""
    head = target.head("GET", "/version", "transfer-encoding: chunked", is_authorized=False)
    trailer = f"authorization: Bearer {target.token}\r\n\r\n".encode()
    status = _exchange(target, head + b"\r\n0\r\n" + trailer)
    return Outcome(status in (400, 401, None), f"status {status}")


def many_headers(target: Target, scale: float) -> Outcome:
    """Send heads of thousands of short headers over many connections, and hold them."""
    head = target.head("GET", "/health") + b"a: b\r\n" * 2500
    with _connections(target, int(300 * scale)) as connections:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(head)
        statuses = [_receive_status(connection) for connection in connections]
    return Outcome(200 not in statuses, f"{statuses.count(431)} of {len(statuses)} got 431")


def held_bodies(target: Target, scale: float) -> Outcome:
    """Hold many bodies of 16 MiB, each complete but for one byte."""
    size = 16 * 2**20
    length = f"content-length: {size}"
    head = target.head("POST", "/invocations", "content-type: application/json", length)

    def hold(_number: int) -> int | None:
        with target.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(head + b"\r\n")
                connection.sendall(b" " * (size - 1))
            return _receive_status(connection)

    count = int(60 * scale)
    with ThreadPoolExecutor(count) as pool:
        statuses = list(pool.map(hold, range(count)))
    rejected = sum(status in (503, None) for status in statuses)
    return Outcome(rejected >= count - 3, f"{statuses.count(503)} of {count} got 503")


def pipelined_requests(target: Target, scale: float) -> Outcome:
    """Send requests without an end behind responses that nobody reads."""
    request = (target.head("GET", "/version") + b"\r\n") * 500
    sent = 0
    for _ in range(int(40 * scale)):
        with target.connect(receive_buffer_bytes=4096) as connection:
            connection.settimeout(1)
            sent += _send_until_closed(connection, request, 13 * 2**20)
    return Outcome(True, f"{sent / 2**20:.0f} MiB were taken or sent")


def slow_decodes(target: Target, scale: float) -> Outcome:
    """Send bodies of 16 MiB that take long to decode."""
    bodies = [
        b'{"instances":[[' + b",".join([_ROW] * (15 * 2**20 // len(_ROW))) + b"]]}",
        b'{"instances":[[[' + b"0," * (7 * 2**20) + b"0]]]}",
        b'{"instances":[[[' + b"9" * (15 * 2**20) + b"]]]}",
        b'{"instances":[' + b"[]," * (5 * 2**20) + b"[]]}",
    ]
    headers = {"content-type": "application/json", **target.authorization}
    statuses = [
        httpx.post(f"{target.url}/invocations", content=body, headers=headers, timeout=60)
        for body in bodies * max(1, int(4 * scale))
    ]
    codes = sorted({response.status_code for response in statuses})
    return Outcome(codes == [400], f"status {codes}")


def unread_responses(target: Target, scale: float) -> Outcome:
    """Never read the responses to predictions of hundreds of images."""
    blank = b"[" + b",".join([b"[" + b",".join([b"0"] * 28) + b"]"] * 28) + b"]"
    body = b'{"instances":[' + b",".join([blank] * 300) + b"]}"
    length = f"content-length: {len(body)}"
    head = target.head("POST", "/invocations", "content-type: application/json", length)

    def hold(_number: int) -> float:
        """Send until nothing more is taken; return how long the endpoint held the connection."""
        with target.connect(receive_buffer_bytes=4096) as connection:
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(3):
                    connection.sendall(head + b"\r\n" + body)
                    time.sleep(0.5)
            started = time.monotonic()
            while (seconds := time.monotonic() - started) < 6 * WRITE_TIMEOUT_SECONDS:
                try:
                    connection.send(b"\r\n")
                except TimeoutError:
                    continue
                except OSError:
                    break
                time.sleep(0.2)
        return seconds

    count = int(270 * scale)
    with ThreadPoolExecutor(count) as pool:
        longest = max(pool.map(hold, range(count)))
    # A busy endpoint responds late; the timeout begins with the response.
    return Outcome(longest < 4 * WRITE_TIMEOUT_SECONDS, f"closed after {longest:.0f} s or less")


def idle_connections(target: Target, _scale: float) -> Outcome:
    """Hold more idle connections than the endpoint takes."""
    request = target.head("GET", "/health", is_authorized=False) + b"\r\n"
    count = MAX_CONNECTIONS + 5
    with _connections(target, count) as connections:
        for connection in connections:
            connection.sendall(request)
        opened = sum(_receive_status(connection) == 200 for connection in connections)
        time.sleep(_HELD_SECONDS / 4)
    return Outcome(opened > count - 20, f"{opened} of {count} were answered first")


def slow_clients(target: Target, scale: float) -> Outcome:
    """Send heads and bodies byte by byte over hundreds of connections."""
    head = target.head("POST", "/invocations", "content-type: application/json")
    starts = (head + b"x: ", head + b"content-length: 900\r\n\r\n")
    with _connections(target, int(600 * scale)) as connections:
        for number, connection in enumerate(connections):
            connection.sendall(starts[number % 2])
        until = time.monotonic() + _HELD_SECONDS * max(scale, 0.4)
        while time.monotonic() < until:
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b" ")
            time.sleep(0.5)
    return Outcome(True, f"{len(connections)} connections")


def hostile_uploads(target: Target, scale: float) -> Outcome:
    """Upload image files that cost much memory or time, or start a program."""
    headers = {"content-type": "image/png", **target.authorization}
    children = len(target.supervisor.children(recursive=True))

    def upload(content: bytes) -> int:
        url = f"{target.url}/image"
        response = httpx.post(url, content=content, headers=headers, timeout=60, trust_env=False)
        return response.status_code

    files = list(hostile_images.build().values()) * max(1, int(3 * scale))
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(set(pool.map(upload, files)))
    started = len(target.supervisor.children(recursive=True)) - children
    is_safe = set(statuses) <= {200, 400, 413, 503} and started <= 0
    return Outcome(is_safe, f"status {statuses}, {max(0, started)} programs started")


def foreign_hosts(target: Target, _scale: float) -> Outcome:
    """Send the Host of a page that resolved its name to this machine; none; two."""
    request = f"GET /version HTTP/1.1\r\nauthorization: Bearer {target.token}\r\n"
    hosts = ("host: attacker.example\r\n", "host: 127.0.0.1.attacker.example\r\n", "")
    hosts += ("host: localhost\r\nhost: attacker.example\r\n",)
    statuses = [_exchange(target, f"{request}{lines}\r\n".encode()) for lines in hosts]
    return Outcome(statuses == [421, 421, 400, 400], f"status {statuses}")


def wrong_tokens(target: Target, _scale: float) -> Outcome:
    """Send wrong tokens, and an image as a form that any page may send."""
    url, token = target.url, target.token
    values = ["", "Bearer", f"Bearer {token[:-1]}", f"Bearer {token}x", f"Basic {token}"]
    codes = {
        httpx.get(f"{url}/version", headers={"authorization": value}).status_code
        for value in values
    }
    form = {"content-type": "text/plain", **target.authorization}
    upload = httpx.post(f"{url}/image", content=b"x", headers=form).status_code
    return Outcome(codes == {401} and upload == 415, f"status {sorted(codes)} and {upload}")


def malformed_requests(target: Target, scale: float) -> Outcome:
    """Send what is no HTTP, and framing that two servers could read in two ways."""
    head = target.head("POST", "/invocations", "content-type: application/json")
    requests = [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n",
        head + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        head + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        head + b"transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        head + b"content-length: -1\r\n\r\n",
        struct.pack(">I", 0xFFFFFFFF) * 100,
    ]
    requests *= max(1, int(20 * scale))
    with ThreadPoolExecutor(len(requests)) as pool:
        statuses = list(pool.map(partial(_exchange, target), requests))
    is_rejected = all(status is None or 400 <= status < 500 for status in statuses)
    return Outcome(is_rejected, f"status {sorted({str(status) for status in statuses})}")


ATTACKS = [
    Attack("trailers without an end", endless_trailers),
    Attack("a token in a trailer", token_in_trailer),
    Attack("thousands of headers on each of 300 connections", many_headers),
    Attack("60 bodies of 16 MiB, held", held_bodies),
    Attack("requests without an end behind unread responses", pipelined_requests),
    Attack("bodies of 16 MiB that are slow to decode", slow_decodes),
    Attack("270 connections that never read their responses", unread_responses),
    Attack(f"{MAX_CONNECTIONS + 5} idle connections", idle_connections),
    Attack("600 slow clients", slow_clients),
    Attack("hostile image files", hostile_uploads),
    Attack("foreign, missing and double Host headers", foreign_hosts),
    Attack("wrong tokens, cross-site forms", wrong_tokens),
    Attack("malformed requests", malformed_requests),
]
