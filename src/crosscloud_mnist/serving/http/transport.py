"""A connection's transport: its buffers, and late responses that are written to it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

_WRITE_BUFFER_BYTES = 32 * 2**10
_STATUS_LINE, _CONTINUE = b"HTTP/1.1 ", b"HTTP/1.1 100 "
_SEND_BUFFER_BYTES = 128 * 2**10  # of the kernel, which would hold megabytes of unread responses


def limit_buffers(transport: asyncio.Transport) -> None:
    """Limit what this process and the kernel hold of responses that the client has not read."""
    transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


class ResponseTransport:
    """Writes the head of a response with the first part of its body, and drops late writes.

    ASGI demands that nothing is sent before a part of the body is there
    (https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event). uvicorn writes
    the head at once: a second system call for each response, and a client that wakes up twice.

    uvloop raises from ``write`` between the moment a client resets its connection and the call of
    ``connection_lost``, by which uvicorn learns of it: a response that ends in that moment would
    be logged as a failure of the application.

    Args:
        transport: The event loop's own.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Return the transport's own attribute."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write the data if the connection is open, but keep a head until more follows.

        Raises:
            RuntimeError: The transport fails although the connection is open.
        """
        if not self._head and data.startswith(_STATUS_LINE) and not data.startswith(_CONTINUE):
            self._head = data
            return
        data, self._head = self._head + data, b""
        try:
            self._transport.write(data)
        except RuntimeError:
            if not self._transport.is_closing():
                raise

    def flush(self) -> None:
        """Write what is kept: no more follows."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the connection after what was written."""
        self.flush()
        self._transport.close()
