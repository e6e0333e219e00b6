"""Attacks on access: tokens, hosts, and requests that two servers could read in two ways."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from rehearsal.attacks.target import Outcome, Target, exchange


def token_in_trailer(target: Target, _scale: float) -> Outcome:
    """Send the token in a trailer, not in a header."""
    head = target.head("GET", "/version", "transfer-encoding: chunked", is_authorized=False)
    trailer = f"authorization: Bearer {target.token}\r\n\r\n".encode()
    status = exchange(target, head + b"\r\n0\r\n" + trailer)
    return Outcome(status in (400, 401, None), f"status {status}")


def foreign_hosts(target: Target, _scale: float) -> Outcome:
    """Send the Host of a page that resolved its name to this machine; none; two."""
    request = f"GET /version HTTP/1.1\r\nauthorization: Bearer {target.token}\r\n"
    hosts = [
        "host: attacker.example\r\n",
        "host: 127.0.0.1.attacker.example\r\n",
        "",
        "host: localhost\r\nhost: attacker.example\r\n",
    ]
    statuses = [exchange(target, f"{request}{lines}\r\n".encode()) for lines in hosts]
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
        statuses = list(pool.map(partial(exchange, target), requests))
    is_rejected = all(status is None or 400 <= status < 500 for status in statuses)
    return Outcome(is_rejected, f"status {sorted({str(status) for status in statuses})}")
