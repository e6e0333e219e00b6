"""A connection's transport, to which a late response may be written without an error."""

from __future__ import annotations

import asyncio
from typing import Any


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
