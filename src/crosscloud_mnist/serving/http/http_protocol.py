"""uvicorn's HTTP protocol, with timeouts and limits for slow clients and a graceful drain.

uvicorn closes idle connections and limits nothing else: neither the time nor the size of a
request's head, nor the time of a body that the application does not read. And its drain closes idle
connections at once, which loses a request that is on its way at that moment.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from crosscloud_mnist.serving.http.responses import JSON, error_response

IN_FLIGHT = "in_flight"  # in the scope's state: the tasks of all requests in flight
KEEP_ALIVE_SECONDS = 75  # longer than clients keep an idle connection, so that clients close it
HEAD_TIMEOUT_SECONDS = 5.0
BODY_TIMEOUT_SECONDS = 10.0
MAX_CONNECTIONS = 900  # below the usual limit of 1,024 open files
_IDLE_DRAIN_SECONDS = 6.0  # httpx closes an idle connection after 5 s
_MAX_HEAD_BYTES = 64 * 2**10


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._is_reading_head, self._head_bytes, self._is_draining = True, 0, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._reject(b"503 Service Unavailable\r\nretry-after: 1")
        else:
            self._start_deadline(HEAD_TIMEOUT_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Parse the data; reject a head that is too large."""
        super().data_received(data)
        if self._is_reading_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._reject(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start the head's deadline."""
        super().on_message_begin()
        self._is_reading_head, self._head_bytes = True, 0
        self._start_deadline(HEAD_TIMEOUT_SECONDS)

    def on_headers_complete(self) -> None:
        """Start the application and the body's deadline."""
        self._is_reading_head = False
        super().on_headers_complete()
        self.scope["state"][IN_FLIGHT] = self.tasks
        if self._is_draining:
            self.cycle.keep_alive = False
        self._start_deadline(BODY_TIMEOUT_SECONDS)

    def on_message_complete(self) -> None:
        """Cancel the deadline."""
        self._cancel_deadline()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release what the connection holds."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer the request in flight with ``Connection: close``; close idle ones later."""
        self._is_draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_IDLE_DRAIN_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _start_deadline(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        if self.headers is None:  # no request was begun
            self.transport.close()
        elif self._is_reading_head:
            self._reject_late("/", "head", HEAD_TIMEOUT_SECONDS)
        elif self.cycle.response_started:  # answered already, without the body
            self.transport.close()
        else:
            self._reject_late(self.scope["path"], "body", BODY_TIMEOUT_SECONDS)

    def _reject_late(self, path: str, part: str, seconds: float) -> None:
        message = f"the {part} took over {seconds:.0f} s; send it again"
        self._reject(b"408 Request Timeout", bytes(error_response(path, 408, message).body))

    def _reject(self, status: bytes, body: bytes = b"") -> None:
        if not self.transport.is_closing():
            head = b"HTTP/1.1 " + status + b"\r\ncontent-type: " + JSON.encode()
            length = str(len(body)).encode()
            head += b"\r\ncontent-length: " + length + b"\r\nconnection: close\r\n\r\n"
            self.transport.write(head + body)
            self.transport.close()
