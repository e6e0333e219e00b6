"""The authorization of a workspace's process: its parent signs in, and renews what expires.

The parent has the user's environment, home folder and runtime, so only it can sign in by them. The
process asks for the headers over a connection of its own, in the middle of a call too, and keeps
them until they are about to expire. It never has what signed in: no identity token, no secret.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from crosscloud_mnist.errors import RegistryError, rebuild_error
from crosscloud_mnist.isolation.codec import decode, encode
from crosscloud_mnist.isolation.process_config import SignIn
from crosscloud_mnist.redaction import add_secret

_HEADERS, _ERROR = "headers", "error"


def serve_authorization(connection: Connection, sign_in: SignIn) -> None:
    """Answer each ``[renew]`` with the headers or the error, until the connection closes."""
    with connection:
        while True:
            try:
                (renew,) = decode(connection.recv_bytes())
                connection.send_bytes(encode(_authorize(sign_in, renew=bool(renew))))
            except (EOFError, OSError, ValueError):
                return


def _authorize(sign_in: SignIn, *, renew: bool) -> list[Any]:
    try:
        authorization = sign_in.authorize(renew=renew)
    except Exception as error:  # noqa: BLE001  the process must get any error
        return [_ERROR, type(error).__name__, str(error)]
    _redact(authorization.headers)
    return [_HEADERS, dict(authorization.headers), authorization.fresh_seconds]


class AuthorizationClient:
    """The headers that the parent gives, in the workspace's process; safe to share by threads.

    Args:
        connection: To the parent's ``serve_authorization``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] = {}
        self._fresh_until = 0.0  # on the monotonic clock

    def headers(self) -> Mapping[str, str]:
        """Return the headers of the next request; new ones if the last are about to expire.

        Raises:
            CrosscloudError: The parent cannot sign in.
        """
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._receive(renew=False)
            return self._headers

    def renew(self, rejected: Mapping[str, str]) -> Mapping[str, str]:
        """Return other headers than those, which the workspace rejected.

        Another thread may have renewed them already.

        Raises:
            CrosscloudError: The parent cannot sign in.
        """
        with self._lock:
            if self._headers == rejected:
                self._receive(renew=True)
            return self._headers

    def _receive(self, *, renew: bool) -> None:
        try:
            self._connection.send_bytes(encode([renew]))
            response = decode(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise RegistryError(
                "the process that signs in has ended, expected it to renew the authorization; run "
                "the same command again"
            ) from error
        match response:
            case [str(kind), dict(headers), float() | int() as fresh_seconds] if kind == _HEADERS:
                _redact(headers)
                self._headers = headers
                self._fresh_until = time.monotonic() + fresh_seconds
            case [_, str(name), str(message)]:
                raise rebuild_error(name, message)


def _redact(headers: Mapping[str, str]) -> None:
    for value in headers.values():
        add_secret(value.removeprefix("Bearer "))
