"""uvicorn's HTTP protocol, with limits on what one client may hold.

A connection is limited in its head, headers, framing of a body and pipelined requests, and in the
time for a head and a body. ``timed_connection`` limits how long responses are unread,
``body_limits`` bodies, ``connections`` the number of connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools

from crosscloud_mnist.serving.http import rejections
from crosscloud_mnist.serving.http.connections import (
    close_longest_waiting,
    get_max_connections,
)
from crosscloud_mnist.serving.http.flow_control import PausingFlowControl
from crosscloud_mnist.serving.http.received_bytes import ReceivedBytes
from crosscloud_mnist.serving.http.rejections import Rejection
from crosscloud_mnist.serving.http.timed_connection import WRITE_TIMEOUT_SECONDS, TimedConnection
from crosscloud_mnist.serving.http.transport import ResponseTransport, limit_buffers

IN_FLIGHT = "in_flight"  # in the scope's state: the tasks of all requests in flight
KEEP_ALIVE_SECONDS = 75  # longer than clients keep an idle connection, so that clients close it
HEAD_TIMEOUT_SECONDS = 5.0
BODY_TIMEOUT_SECONDS = 10.0
MAX_PIPELINED_REQUESTS = 16
_MAX_QUEUED_BODY_BYTES = 32 * 2**10  # of a pipelined request


class _RejectedError(Exception):
    """Raised in a callback, to stop the parser."""


class BoundedHttpProtocol(TimedConnection):
    """One connection, and what it may hold."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._rejection: Rejection | None = None
        self._received = ReceivedBytes()
        self._trailers: list[tuple[bytes, bytes]] = []

    # What uvicorn's event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection; close another one where there are too many."""
        super().connection_made(transport)
        self.transport = ResponseTransport(transport)  # type: ignore[assignment]  # it delegates
        limit_buffers(transport)
        self.flow = PausingFlowControl(transport, self.pipeline)
        self._deadline.start(HEAD_TIMEOUT_SECONDS)
        if len(self.connections) > get_max_connections():
            others = (other for other in self._all_connections() if other is not self)
            if not close_longest_waiting(others):
                self._reject(rejections.TOO_MANY_CONNECTIONS)

    def data_received(self, data: bytes) -> None:
        """Parse the data, within the limits of a head and of a body's framing."""
        self._unset_keepalive_if_required()
        self._received.start_read(len(data))
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # no other protocol is supported: the request is answered as HTTP/1.1
        except httptools.HttpParserError:
            self._reject(self._rejection or rejections.INVALID_HTTP)
            return
        if self._is_reading_head:
            if self._received.add_to_head(len(self.headers)):
                self._reject(rejections.LARGE_HEAD)
        elif self._is_reading_body:
            self._check_framing()
        elif self.is_idle and not self._deadline.is_running:
            self._deadline.start(HEAD_TIMEOUT_SECONDS)  # for line ends before a head

    def connection_lost(self, exc: Exception | None) -> None:
        """Release what the connection holds."""
        self._deadline.cancel()
        self._write_deadline.cancel()
        self.pipeline.clear()
        super().connection_lost(exc)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Start the head's deadline."""
        super().on_message_begin()
        self.is_idle, self._is_reading_head = False, True
        self._received.start_head()
        self._wait_for_client(HEAD_TIMEOUT_SECONDS)

    def on_headers_complete(self) -> None:
        """Start the application and the body's deadline."""
        if self._received.is_head_too_large(self.url, self.headers):
            self._stop_parser(rejections.LARGE_HEAD)
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            self._stop_parser(rejections.INVALID_HTTP)
        super().on_headers_complete()
        self._is_reading_head, self._is_reading_body = False, True
        self._received.start_body()
        self.headers = self._trailers = []  # the application keeps the list of the headers
        self.scope["state"][IN_FLIGHT] = self.tasks
        if self._is_draining:
            self.cycle.keep_alive = False
        self._wait_for_client(BODY_TIMEOUT_SECONDS)

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body over; limit what a queued request holds."""
        self._received.add_content(len(body))
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > _MAX_QUEUED_BODY_BYTES:
            self._stop_parser(rejections.INVALID_HTTP)

    def on_message_complete(self) -> None:
        """Cancel the deadline: the server works now, or has responded before."""
        if self._trailers:  # a client could send them without an end, or a token in them
            self._stop_parser(rejections.TRAILERS)
        self._is_reading_body = False
        self._deadline.cancel()
        super().on_message_complete()
        if self.cycle.response_complete:  # uvicorn's timer ended when the rest of the body came
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        self._update_waiting()

    # What a response calls

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the client to read the response."""
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()
        if self.transport.is_closing():
            self._write_deadline.start(WRITE_TIMEOUT_SECONDS)
        self._update_waiting()

    # Limits

    def _check_framing(self) -> None:
        """Reject trailers at once, and framing that the parser would keep without a limit."""
        is_framing_too_large = self._received.add_to_framing()
        if self._trailers:
            self._reject(rejections.TRAILERS)
        elif is_framing_too_large:
            self._reject(rejections.INVALID_FRAMING)

    def _on_deadline(self) -> None:
        if self._is_reading_head:
            self._reject(rejections.timed_out("head", HEAD_TIMEOUT_SECONDS))
        elif self._is_reading_body and not self.cycle.response_started:
            self._reject(rejections.timed_out("body", BODY_TIMEOUT_SECONDS))
        else:  # no request was begun, or it was answered without its body
            super()._on_deadline()

    def _stop_parser(self, rejection: Rejection) -> None:
        self._rejection = rejection
        raise _RejectedError

    def _reject(self, rejection: Rejection) -> None:
        """Respond and close; close at once where the client waits for another response."""
        if self.transport.is_closing():
            return
        is_of_this_request = self._is_reading_body and not self.cycle.response_started
        if self.pipeline or (self._has_request_in_flight() and not is_of_this_request):
            self.abort()
            return
        path = self.scope["path"] if is_of_this_request else "/"
        self.transport.write(rejection.to_bytes(path))
        self._close()
