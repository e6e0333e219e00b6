"""Attacks on connections: how long a client holds them."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from crosscloud_mnist.serving.http.connections import MAX_CONNECTIONS
from crosscloud_mnist.serving.http.timed_connection import WRITE_TIMEOUT_SECONDS
from rehearsal.attacks.target import (
    Outcome,
    Target,
    open_connections,
    receive_status,
)

_HELD_SECONDS = 8.0


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
    return Outcome(
        longest < 4 * WRITE_TIMEOUT_SECONDS, f"{count} were closed after {longest:.0f} s or less"
    )


def idle_connections(target: Target, _scale: float) -> Outcome:
    """Hold more idle connections than the endpoint takes."""
    request = target.head("GET", "/health", is_authorized=False) + b"\r\n"
    count = MAX_CONNECTIONS + 5
    with open_connections(target, count) as connections:
        for connection in connections:
            connection.sendall(request)
        opened = sum(receive_status(connection) == 200 for connection in connections)
        time.sleep(_HELD_SECONDS / 4)
    return Outcome(opened > count - 20, f"{opened} of {count} were answered first")


def slow_clients(target: Target, scale: float) -> Outcome:
    """Send heads and bodies byte by byte over hundreds of connections."""
    head = target.head("POST", "/invocations", "content-type: application/json")
    starts = (head + b"x: ", head + b"content-length: 900\r\n\r\n")
    with open_connections(target, int(600 * scale)) as connections:
        for number, connection in enumerate(connections):
            connection.sendall(starts[number % 2])
        until = time.monotonic() + _HELD_SECONDS * max(scale, 0.4)
        while time.monotonic() < until:
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b" ")
            time.sleep(0.5)
    return Outcome(True, f"{len(connections)} connections")
