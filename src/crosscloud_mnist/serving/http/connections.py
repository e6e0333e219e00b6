"""Which connection is closed when there are too many, or when too much of them is unread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

MAX_CONNECTIONS = 900  # below the usual limit of 1,024 open files
MAX_UNREAD_BYTES = 32 * 2**20  # of responses, over all connections


class Connection(Protocol):
    """The state of a connection.

    Attributes:
        waiting_since: When it began to wait for its client; ``None`` while the server works.
        is_idle: Whether it waits for a request and has received nothing of it.
        is_aborted: Whether it was closed by ``abort``.
    """

    waiting_since: float | None
    is_idle: bool
    is_aborted: bool

    @property
    def unread_bytes(self) -> int:
        """Bytes of responses that the client has left unread."""

    def abort(self) -> None:
        """Close it at once."""


def close_longest_waiting(connections: Iterable[Connection]) -> bool:
    """Close the idle connection that has waited longest for its client, else any such connection.

    Returns:
        Whether there was one. A connection whose request is in progress is never closed.
    """
    candidates = [
        (not connection.is_idle, connection.waiting_since, index, connection)
        for index, connection in enumerate(connections)
        if connection.waiting_since is not None and not connection.is_aborted
    ]
    if candidates:
        min(candidates)[-1].abort()
    return bool(candidates)


def limit_unread_bytes(connections: Iterable[Connection], max_bytes: int) -> None:
    """Close the connections that have been unread longest, until the others hold ``max_bytes``."""
    unread = [
        (connection.waiting_since or 0.0, index, connection)
        for index, connection in enumerate(connections)
        if connection.unread_bytes and not connection.is_aborted
    ]
    total = sum(connection.unread_bytes for _, _, connection in unread)
    for _, _, connection in sorted(unread):
        if total <= max_bytes:
            return
        total -= connection.unread_bytes
        connection.abort()
