"""Who may come in: a personal access token, and OAuth machine-to-machine tokens.

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
    """Return what may be written down of a token: the first 12 digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@dataclass
class Tokens:
    """The tokens of one workspace.

    Attributes:
        personal: The personal access token.
        client_id: Of the service principal.
        client_secret: Its secret.
        lifetime: Of an OAuth token, seconds.
    """

    personal: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    lifetime: float = LIFETIME_SECONDS
    _issued: dict[str, float] = field(default_factory=dict, repr=False)

    def issue(self, authorization: str) -> str | None:
        """Return a new OAuth token for the service principal's ``Basic`` header, if it is right."""
        kind, _, value = authorization.partition(" ")
        try:
            given = b64decode(value).decode()
        except ValueError:
            return None
        if kind != "Basic" or not same(given, f"{self.client_id}:{self.client_secret}"):
            return None
        token = f"eyJ{secrets.token_urlsafe(40)}"
        self._issued[token] = time.monotonic() + self.lifetime
        return token

    def expire(self) -> None:
        """Let every OAuth token that was issued so far be expired."""
        self._issued = dict.fromkeys(self._issued, 0.0)

    def fault(self, token: str) -> str | None:
        """Return why the token does not open the workspace, if so: ``invalid`` or ``expired``."""
        if same(token, self.personal):
            return None
        until = next((end for known, end in self._issued.items() if same(token, known)), None)
        if until is None:
            return "invalid"
        return "expired" if time.monotonic() >= until else None


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
