"""An HTTP proxy that forwards to a server, and injects the faults that a test sets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


@dataclass
class FaultyProxy:
    """Forwards requests; a test sets the callables that inject faults, ``reset`` removes them.

    Attributes:
        before: Sees a request first: ``None`` forwards it, a number responds with that status, and
            ``"cut"`` closes the connection.
        tamper: Changes the content of a response.
        after: Sees a request once the server has responded, before the client gets the response.
    """

    address: str
    before: Callable[[Request], int | str | None] = lambda request: None
    tamper: Callable[[Request, bytes], bytes] = lambda request, content: content
    after: Callable[[Request], None] = lambda request: None
    seen: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        self.before = lambda request: None
        self.tamper = lambda request, content: content
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

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _forward(self) -> None:
            request = Request(self.command, self.path, self._body())
            proxy.seen.append(request)
            verdict = proxy.before(request)
            if verdict == "cut":
                self.close_connection = True
                self.connection.close()
            elif isinstance(verdict, int):
                self._respond(verdict, {"Retry-After": "0"}, b"")
            else:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_FORWARDED}
                response = client.request(
                    request.method, request.path, content=request.body, headers=headers
                )
                proxy.after(request)
                content = proxy.tamper(request, response.content)
                self._respond(response.status_code, response.headers, content)

        def _respond(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the client or the server closed the connection

    return Handler
