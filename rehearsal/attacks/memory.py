"""Attacks on the memory: what a client makes the endpoint keep or compute."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import httpx

from rehearsal.attacks import hostile_images
from rehearsal.attacks.target import (
    Outcome,
    Target,
    open_connections,
    receive_status,
    send_until_closed,
)

_ROW = b"[" + b",".join([b"1"] * 28) + b"]"


def endless_trailers(target: Target, scale: float) -> Outcome:
    """Send trailers without an end over one connection, one long value over another."""
    max_bytes = int(82 * 2**20 * scale)
    head = target.head("POST", "/invocations", "content-type: application/json")
    sent = []
    for trailer in (b"x: " + b"y" * 4000 + b"\r\n", b"y" * 65536):
        with target.connect() as connection:
            connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nz: ")
            sent.append(send_until_closed(connection, trailer, max_bytes))
    megabytes = max(sent) / 2**20
    return Outcome(max(sent) < max_bytes, f"closed after {megabytes:.1f} MiB were sent")


def many_headers(target: Target, scale: float) -> Outcome:
    """Send heads of thousands of short headers over many connections, and hold them."""
    head = target.head("GET", "/health") + b"a: b\r\n" * 2500
    with open_connections(target, int(300 * scale)) as connections:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(head)
        statuses = [receive_status(connection) for connection in connections]
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
            return receive_status(connection)

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
            sent += send_until_closed(connection, request, 13 * 2**20)
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
