"""Which connection is closed when there are too many, or when too much of them is unread."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from functools import cache
from typing import Protocol

MAX_CONNECTIONS = 900  # below the usual limit of 1,024 open files
_OTHER_FILES = 124  # libraries, metrics and logs
MAX_UNREAD_BYTES = 32 * 2**20  # of responses, over all connections


@cache
def get_max_connections() -> int:
    """Return how many connections a process may have open: fewer where few files are allowed."""
    max_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if max_files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, max_files - _OTHER_FILES))


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
    """Close the connection that has waited longest for its client, idle ones first.

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
