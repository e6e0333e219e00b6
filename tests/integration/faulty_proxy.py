"""An HTTP proxy that forwards to a server, and injects the faults that a test sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

import httpx

_NOT_FORWARDED = ("connection", "transfer-encoding", "content-length", "content-encoding", "host")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Request:
    """A request of the client."""

    method: str
    path: str
    body: bytes

    @property
    def writes(self) -> bool:
        return self.method in WRITES and "search" not in self.path


@dataclass(frozen=True)
class Reply:
    """A response of the server."""

    status: int
    headers: dict[str, str]
    content: bytes

    def set_header(self, name: str, value: str | None) -> Reply:
        """Return it with another value of a header, or without it."""
        kept = {key: each for key, each in self.headers.items() if key.lower() != name}
        return replace(self, headers=kept if value is None else {**kept, name: value})

    def change(self, change: Callable[[Any], Any]) -> Reply:
        """Return it with its JSON changed."""
        return replace(self, content=json.dumps(change(json.loads(self.content))).encode())

    def refuse(self, status: int, code: str) -> Reply:
        """Return an error in Databricks' form in its place."""
        body = json.dumps({"error_code": code, "message": f"refused with {code}"}).encode()
        reply = self.set_header("content-type", "application/json")
        return replace(reply, status=status, content=body)


@dataclass
class FaultyProxy:
    """Forwards requests; a test sets the callables that inject faults, ``reset`` removes them.

    Attributes:
        before: Sees a request first: ``None`` forwards it, a number responds with that status, and
            ``"cut"`` closes the connection.
        rewrite: Changes a response.
        after: Sees a request once the server has responded, before the client gets the response.
    """

    address: str
    before: Callable[[Request], int | str | None] = lambda request: None
    rewrite: Callable[[Request, Reply], Reply] = lambda request, reply: reply
    after: Callable[[Request], None] = lambda request: None
    seen: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        self.before = lambda request: None
        self.rewrite = lambda request, reply: reply
        self.after = lambda request: None
        self.seen.clear()

    def open(self) -> ThreadingHTTPServer:
        """Listen on a free port until the server returned is shut down."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:  # noqa: C901  a class, in fact
    client = httpx.Client(base_url=proxy.address, timeout=60, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            request = Request(self.command, self.path, _read_body(self.headers, self.rfile))
            proxy.seen.append(request)
            verdict = proxy.before(request)
            if verdict == "cut":
                self.close_connection = True
                self.connection.close()
            elif isinstance(verdict, int):
                self._respond(Reply(verdict, {"Retry-After": "0"}, b""))
            else:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_FORWARDED}
                response = client.request(
                    request.method, request.path, content=request.body, headers=headers
                )
                proxy.after(request)
                reply = Reply(response.status_code, dict(response.headers), response.content)
                self._respond(proxy.rewrite(request, reply))

        def _respond(self, reply: Reply) -> None:
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in _NOT_FORWARDED:
                    self.send_header(name, value)
            length = str(len(reply.content))
            if self.command == "HEAD":  # the length of what GET would return
                length = reply.headers.get("content-length", length)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the client or the server closed the connection

    return Handler


def _read_body(headers: Message, stream: BinaryIO) -> bytes:
    if headers.get("Transfer-Encoding") != "chunked":
        return stream.read(int(headers.get("Content-Length") or 0))
    parts = []
    while size := int(stream.readline(), 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)
