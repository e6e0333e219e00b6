"""The bearer token of an endpoint: one that stays, or one that expires and is asked for again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from crosscloud_mnist.errors import ConfigurationError, EndpointUnavailableError
from crosscloud_mnist.redaction import summarize
from crosscloud_mnist.token_rejection import EXPIRY_MARGIN_SECONDS


@dataclass(frozen=True)
class BearerToken:
    """A token and how long it is valid.

    Attributes:
        value: The token; never shown.
        valid_seconds: From now on; ``None`` where that is not known.
    """

    value: str = field(repr=False)
    valid_seconds: float | None = None


TokenSource = str | Callable[[], str | BearerToken]


class Bearer:
    """The token of the next request; safe to share between threads.

    Args:
        source: The token, or what returns one. It is called in the thread that sends the request:
            at first, before a token expires, and when the endpoint rejects one.
        url: The endpoint, for messages.

    Raises:
        ConfigurationError: The token is not valid.
    """

    def __init__(self, source: TokenSource | None, url: str) -> None:
        self._source, self._url = source, url
        self._lock = threading.Lock()
        self._token: str | None = None
        self._previous: str | None = None
        self._renew_at = 0.0  # on the monotonic clock
        if isinstance(source, str):
            self._token, self._renew_at = source or None, float("inf")
            self._check()

    def current(self) -> str | None:
        """Return the token, a new one if the last is about to expire.

        Raises:
            EndpointUnavailableError: The source failed.
            ConfigurationError: The token is not valid.
        """
        with self._lock:
            if callable(self._source) and time.monotonic() >= self._renew_at:
                self._renew(self._source)
            return self._token

    def replace(self, rejected: str | None) -> str | None:
        """Return another token than the one that the endpoint rejected, if there is one.

        Another thread may have renewed it already.

        Raises:
            EndpointUnavailableError: The source failed.
            ConfigurationError: The token is not valid.
        """
        with self._lock:
            if callable(self._source) and self._token == rejected:
                self._renew(self._source)
            return self._token if self._token != rejected else None

    def secrets(self) -> list[str]:
        """Return what must not be shown."""
        return [token for token in (self._token, self._previous) if token]

    def _renew(self, source: Callable[[], str | BearerToken]) -> None:
        try:
            given = source()
        except Exception as error:  # the source is the caller's
            raise EndpointUnavailableError(
                f"the token of {self._url} was not renewed ({type(error).__name__}: "
                f"{summarize(str(error), self.secrets())}), expected a token; check what gives it"
            ) from error
        token = given if isinstance(given, BearerToken) else BearerToken(given)
        self._previous, self._token = self._token, token.value
        self._renew_at = float("inf")
        if token.valid_seconds is not None:
            margin = min(EXPIRY_MARGIN_SECONDS, token.valid_seconds / 2)
            self._renew_at = time.monotonic() + token.valid_seconds - margin
        self._check()

    def _check(self) -> None:
        token = self._token
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise ConfigurationError(
                f"the bearer token of {self._url} holds a blank, a control character or one "
                "beyond ASCII, expected none; set it again"
            )
