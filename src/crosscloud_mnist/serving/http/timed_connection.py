"""A connection that is limited in time whenever it waits for its client, and drains gracefully.

uvicorn closes idle connections and limits nothing else. Its drain closes them at once, which loses
a request that is on its way; here they are closed later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from crosscloud_mnist.serving.http.connections import MAX_UNREAD_BYTES, limit_unread_bytes
from crosscloud_mnist.serving.http.flow_control import Deadline

WRITE_TIMEOUT_SECONDS = 10.0
_IDLE_DRAIN_SECONDS = 6.0  # httpx closes an idle connection after 5 s


class TimedConnection(HttpToolsProtocol):
    """One connection and its state; a ``connections.Connection``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_idle, self.is_aborted = True, False
        self.waiting_since: float | None = self.loop.time()
        self._deadline = Deadline(self.loop, self._on_deadline)
        self._write_deadline = Deadline(self.loop, self.abort)
        self._is_reading_head = self._is_reading_body = self._is_draining = False

    @property
    def unread_bytes(self) -> int:
        """Bytes of responses that the client has left unread, beyond the buffer's limit."""
        return self.transport.get_write_buffer_size() if self.flow.write_paused else 0

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_aborted = True
        self.transport.abort()

    def pause_writing(self) -> None:
        """Limit how long responses are unread, and how many bytes of them."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.flow.pause_reading()
        self.waiting_since = self.loop.time()
        self._write_deadline.start(WRITE_TIMEOUT_SECONDS)
        limit_unread_bytes(self._all_connections(), MAX_UNREAD_BYTES)

    def resume_writing(self) -> None:
        """Go on: the client has read its responses."""
        super().resume_writing()
        self._write_deadline.cancel()
        if not self.transport.is_closing():
            self.flow.resume_reading()
        self._update_waiting()

    def shutdown(self) -> None:
        """Answer the request in flight with ``Connection: close``; close idle ones later."""
        self._is_draining = True
        if self._has_request_in_flight():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(_IDLE_DRAIN_SECONDS, self._close_if_idle)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for too long."""
        if not self.transport.is_closing():
            self._close()

    def _on_deadline(self) -> None:
        """Close the connection: the time for a head, a body or a next request is over."""
        self._close()

    def _has_request_in_flight(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _update_waiting(self) -> None:
        """Set ``is_idle`` and ``waiting_since``, where neither a head nor a body is being read."""
        if not self._is_reading_head and not self._is_reading_body:
            self.is_idle = not self._has_request_in_flight()
            if not self.flow.write_paused:  # where it is, it has waited since then
                self.waiting_since = self.loop.time() if self.is_idle else None

    def _wait_for_client(self, seconds: float) -> None:
        self.waiting_since = self.loop.time()
        self._deadline.start(seconds)

    def _close_if_idle(self) -> None:
        if not self._has_request_in_flight():
            self._close()

    def _close(self) -> None:
        """Close the connection once the client has read its responses, in a limited time."""
        self.transport.close()
        self._write_deadline.start(WRITE_TIMEOUT_SECONDS)

    def _all_connections(self) -> Iterator[TimedConnection]:
        return (other for other in self.connections if isinstance(other, TimedConnection))
