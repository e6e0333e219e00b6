"""A connection's transport: its buffers, and late responses that are written to it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

_WRITE_BUFFER_BYTES = 32 * 2**10
_SEND_BUFFER_BYTES = 128 * 2**10  # of the kernel, which would hold megabytes of unread responses


def limit_buffers(transport: asyncio.Transport) -> None:
    """Limit what this process and the kernel hold of responses that the client has not read."""
    transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


class TolerantTransport:
    """Drops what is written once the connection is closed.

    uvloop raises from ``write`` between the moment a client resets its connection and the call of
    ``connection_lost``, by which uvicorn learns of it: a response that ends in that moment would
    be logged as a failure of the application.

    Args:
        transport: The event loop's own.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        """Return the transport's own attribute."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write the data, if the connection is open.

        Raises:
            RuntimeError: The transport fails although the connection is open.
        """
        try:
            self._transport.write(data)
        except RuntimeError:
            if not self._transport.is_closing():
                raise
