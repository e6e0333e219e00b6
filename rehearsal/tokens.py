"""The tokens of a workspace: a personal access token, and OAuth machine-to-machine tokens.

https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import b64decode
from dataclasses import dataclass, field

LIFETIME_SECONDS = 3600


def digest(token: str) -> str:
    """Return what may be logged of a token: the first 12 digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@dataclass
class Tokens:
    """The tokens of one workspace.

    Attributes:
        personal: The personal access token.
        client_id: Id of the service principal.
        client_secret: Its secret.
        lifetime_seconds: How long an OAuth token is valid.
    """

    personal: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    lifetime_seconds: float = LIFETIME_SECONDS
    _issued: dict[str, float] = field(default_factory=dict, repr=False)

    def issue(self, authorization: str) -> str | None:
        """Return a new OAuth token, if the ``Basic`` header is the service principal's."""
        kind, _, value = authorization.partition(" ")
        try:
            credentials = b64decode(value).decode()
        except ValueError:
            return None
        if kind != "Basic" or not is_equal(credentials, f"{self.client_id}:{self.client_secret}"):
            return None
        token = f"eyJ{secrets.token_urlsafe(40)}"
        self._issued[token] = time.monotonic() + self.lifetime_seconds
        return token

    def expire(self) -> None:
        """Expire every OAuth token that was issued so far."""
        self._issued = dict.fromkeys(self._issued, 0.0)

    def find_fault(self, token: str) -> str | None:
        """Return why the token is rejected, ``invalid`` or ``expired``, if it is."""
        if is_equal(token, self.personal):
            return None
        issued = (each for each in self._issued if is_equal(token, each))
        match = next(issued, None)
        if match is None:
            return "invalid"
        return "expired" if time.monotonic() >= self._issued[match] else None


def is_equal(one: str, other: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
