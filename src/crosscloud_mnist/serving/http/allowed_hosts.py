"""The names under which clients may reach the endpoint.

A web page can resolve its own host name to 127.0.0.1 (DNS rebinding) and then read responses from a
browser on this machine; its requests carry its own name as ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from starlette.types import Scope

ANY_HOST = "*"
_MAX_CACHED_VALUES = 100
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.%]+)\]|(?P<name>[\w.-]+))(?::\d*)?", re.ASCII)


class AllowedHosts:
    """The loopback names, the configured host, and what a setting adds.

    Args:
        host: The host that the endpoint listens on.
        additional: More names, without a port; ``*`` for any.
    """

    def __init__(self, host: str = "127.0.0.1", additional: Iterable[str] = ()) -> None:
        self._names = {"localhost", host.lower(), *(name.lower() for name in additional)}
        self._allowed_values: set[bytes] = set()  # headers that were allowed before

    def find_error(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and message of a request with a wrong ``Host``, ``None`` if valid."""
        values = [value for key, value in scope["headers"] if key == b"host"]
        if len(values) != 1:
            return 400, f"found {len(values)} Host headers, expected one"
        if values[0] in self._allowed_values:
            return None
        if not self._is_allowed(values[0].decode("latin-1").lower()):
            return 421, "the Host is not a name of this endpoint; add it to its allowed_hosts"
        if len(self._allowed_values) < _MAX_CACHED_VALUES:
            self._allowed_values.add(values[0])
        return None

    def _is_allowed(self, value: str) -> bool:
        if ANY_HOST in self._names:
            return True
        match = _HOST.fullmatch(value)
        if match is None:
            return False
        name = match["ipv6"] or match["name"]
        return name.rstrip(".") in self._names or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
