"""The tokens of a workspace: whose they are, how they are issued, and when they expire.

https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
https://docs.databricks.com/aws/en/dev-tools/auth/oauth-federation-exchange
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import jwt

LIFETIME_SECONDS = 3600
ACCOUNT_ID = "rehearsal"
USER = "rehearsal"  # the administrator, whose personal access token it is
# The fixed audience of Azure DevOps: databricks/sdk/oidc_token_supplier.py
AZURE_DEVOPS_AUDIENCE = "api://AzureADTokenExchange"
_ALGORITHMS = ["ES256", "RS256"]  # the service takes no other


def digest(token: str) -> str:
    """Return what may be logged of a token: the first 12 digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Principal:
    """A user or a service principal of a workspace.

    Attributes:
        client_id: Its application id, or the user's name.
        secret: Its OAuth secret, or the user's personal access token.
        roles: What it may do: see ``grants.py``.
        subject: Of its federation policy: the ``sub`` of the ID tokens that it may exchange.
    """

    client_id: str
    secret: str = field(repr=False)
    roles: tuple[str, ...]
    subject: str | None = None


@dataclass(frozen=True)
class Issuer:
    """The OIDC issuer that the federation policies of a workspace trust.

    Attributes:
        url: ``iss`` of its tokens.
        public_key: PEM.
    """

    url: str
    public_key: str


@dataclass
class Tokens:
    """The tokens of one workspace.

    Attributes:
        administrator: The user whose personal access token the secret is.
        principals: The service principals.
        issuer: Whose ID tokens are exchanged, if any are.
        audiences: ``aud`` of the ID tokens that are exchanged.
        lifetime_seconds: How long an OAuth token is valid.
    """

    administrator: Principal
    principals: tuple[Principal, ...] = ()
    issuer: Issuer | None = None
    audiences: tuple[str, ...] = ()
    lifetime_seconds: float = LIFETIME_SECONDS
    _issued: dict[str, tuple[Principal, float]] = field(default_factory=dict, repr=False)

    def issue(self, authorization: str) -> str | None:
        """Return a new OAuth token, if the ``Basic`` header is a service principal's."""
        kind, _, value = authorization.partition(" ")
        try:
            credentials = b64decode(value).decode()
        except ValueError:
            return None
        for principal in self.principals:
            if kind == "Basic" and is_equal(
                credentials, f"{principal.client_id}:{principal.secret}"
            ):
                return self._create(principal)
        return None

    def exchange(self, client_id: str, id_token: str) -> str | None:
        """Return a new OAuth token, if the principal's federation policy accepts the ID token."""
        if self.issuer is None:
            return None
        try:
            claims = jwt.decode(
                id_token,
                self.issuer.public_key,
                algorithms=_ALGORITHMS,
                audience=list(self.audiences),
                issuer=self.issuer.url,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.InvalidTokenError:
            return None
        for principal in self.principals:
            if (principal.client_id, principal.subject) == (client_id, claims["sub"]):
                return self._create(principal)
        return None

    def expire(self) -> None:
        """Expire every OAuth token that was issued so far."""
        self._issued = {token: (principal, 0.0) for token, (principal, _) in self._issued.items()}

    def find_fault(self, token: str) -> str | None:
        """Return why the token is rejected, ``invalid`` or ``expired``, if it is."""
        if is_equal(token, self.administrator.secret):
            return None
        if token not in self._issued:
            return "invalid"
        return "expired" if time.monotonic() >= self._issued[token][1] else None

    def find_principal(self, token: str) -> Principal:
        """Return whose token it is, which is valid."""
        issued = self._issued.get(token)
        return issued[0] if issued else self.administrator

    def _create(self, principal: Principal) -> str:
        token = f"eyJ{secrets.token_urlsafe(40)}"
        self._issued[token] = principal, time.monotonic() + self.lifetime_seconds
        return token


def is_equal(one: str, other: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def to_json(
    administrator: Principal, principals: Mapping[str, Principal], issuer: Issuer | None
) -> str:
    """Return the identities of a workspace as its process reads them."""
    return json.dumps(
        {
            "administrator": asdict(administrator),
            "principals": [asdict(principal) for principal in principals.values()],
            "issuer": asdict(issuer) if issuer else None,
        }
    )


def from_json(text: str, host: str, lifetime_seconds: float) -> Tokens:
    """Return the tokens of the workspace of those identities.

    A federation policy accepts the audience that databricks-sdk asks for (the token endpoint) and
    the default of the documentation (the account's id), and that of Azure DevOps.
    """
    identities = json.loads(text)
    return Tokens(
        administrator=_principal(identities["administrator"]),
        principals=tuple(_principal(each) for each in identities["principals"]),
        issuer=Issuer(**identities["issuer"]) if identities["issuer"] else None,
        audiences=(f"{host}/oidc/v1/token", ACCOUNT_ID, AZURE_DEVOPS_AUDIENCE),
        lifetime_seconds=lifetime_seconds,
    )


def _principal(fields: dict[str, Any]) -> Principal:
    return Principal(**{**fields, "roles": tuple(fields["roles"])})
