"""The endpoint under attack, what an attack is, and how raw requests are sent."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psutil

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


def send_until_closed(connection: socket.socket, data: bytes, max_bytes: int) -> int:
    """Send the data repeatedly; return how many bytes were sent before the endpoint closed."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < max_bytes:
            sent += connection.send(data)
    return sent


def receive_status(connection: socket.socket) -> int | None:
    """Return the status of the next response; ``None`` where the connection is closed."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(connection.recv(65536).split()[1])
    return None


def exchange(target: Target, request: bytes) -> int | None:
    """Send one request over a new connection; return the status of the response."""
    with target.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(request)
        return receive_status(connection)


@contextlib.contextmanager
def open_connections(target: Target, count: int) -> Iterator[list[socket.socket]]:
    """Yield open connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(target.connect()) for _ in range(count)]
