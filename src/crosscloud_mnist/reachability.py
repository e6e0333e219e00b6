"""Whether anything takes connections at an address: the clients' own retries take minutes."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies

_CONNECT_SECONDS = 5
_PORTS = {"http": 80, "https": 443}


def check_reachable(address: str, expected: str, error: type[Exception]) -> None:
    """Fail in seconds where nothing listens.

    Args:
        address: ``http(s)://host[:port]``, or ``host`` alone, which means https. Any other scheme,
            and what is reached through a proxy, is left alone.
        expected: What should be there, as the message says it.
        error: Raised where nothing takes connections.
    """
    parts = urlsplit(address if ":/" in address else f"https://{address}")
    if parts.scheme not in _PORTS or getproxies().get(parts.scheme):
        return
    try:
        port = parts.port or _PORTS[parts.scheme]
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as failure:  # ValueError: the port is no number
        raise error(
            f"{address} does not answer ({failure}), expected {expected} there; check its address "
            "and the network"
        ) from failure
