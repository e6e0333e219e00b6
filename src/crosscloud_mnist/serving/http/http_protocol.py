"""HTTP as uvicorn speaks it, with what it lacks against slow clients and for a soft drain.

uvicorn closes idle connections and bounds nothing else: a client may take for ever over the head
of its request, over a body that nobody waits for, or send a head without end. And it drains by
closing idle connections at once, which loses the request that is on its way at that moment.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from crosscloud_mnist.serving.http.responses import JSON, error_response

IN_FLIGHT = "in_flight"  # in the scope's state: the tasks of all requests that are being answered
KEEP_ALIVE_SECONDS = 75  # longer than clients keep one idle, so that it is they who close it
_HEAD_SECONDS = 5.0
_BODY_SECONDS = 10.0
_IDLE_DRAIN_SECONDS = 6.0  # httpx forgets a connection after 5 s
_MAX_HEAD_BYTES = 64 * 2**10
_MAX_CONNECTIONS = 900  # below the usual limit of 1,024 open files


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head, self._head_bytes, self._draining = True, 0, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > _MAX_CONNECTIONS:
            self._refuse(b"503 Service Unavailable\r\nretry-after: 1")
        else:
            self._expect_within(_HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Parse, up to the limit of a head."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._expect_within(_HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Hand the request over."""
        self._in_head = False
        super().on_headers_complete()
        self.scope["state"][IN_FLIGHT] = self.tasks
        if self._draining:
            self.cycle.keep_alive = False
        self._expect_within(_BODY_SECONDS)

    def on_message_complete(self) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_clock()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer what is on its way, and say with it that the connection closes."""
        self._draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_IDLE_DRAIN_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _expect_within(self, seconds: float) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        begun = self.headers is not None
        if begun and (self._in_head or not self.cycle.response_started):
            part, seconds, path = (
                ("head", _HEAD_SECONDS, "/")
                if self._in_head
                else ("body", _BODY_SECONDS, self.scope["path"])
            )
            line = f"the {part} took over {seconds:.0f} s; send it again"
            self._refuse(b"408 Request Timeout", bytes(error_response(path, 408, line).body))
        else:  # nothing was asked, or it is answered already
            self.transport.close()

    def _refuse(self, status: bytes, body: bytes = b"") -> None:
        if not self.transport.is_closing():
            head = b"HTTP/1.1 " + status + b"\r\ncontent-type: " + JSON.encode()
            length = str(len(body)).encode()
            head += b"\r\ncontent-length: " + length + b"\r\nconnection: close\r\n\r\n"
            self.transport.write(head + body)
            self.transport.close()
