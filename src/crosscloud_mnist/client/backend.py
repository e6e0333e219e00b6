"""One cloud's endpoint of the model, as the failover client calls it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from crosscloud_mnist.client.bearer import TokenSource
from crosscloud_mnist.errors import ConfigurationError


@dataclass(frozen=True)
class Backend:
    """One cloud's endpoint of the model.

    Attributes:
        cloud: Its name, for messages.
        url: The address that takes ``POST {"instances": [...]}``.
        token_variable: The environment variable that holds the bearer token, if one is needed.
        token: In its place, the token or a callable that returns one: an OAuth token expires.
    """

    cloud: str
    url: str = field(repr=False)  # it may hold a password
    token_variable: str | None = None
    token: TokenSource | None = field(default=None, repr=False)

    def read_token(self) -> TokenSource | None:
        """Return the token, or what returns one.

        Raises:
            ConfigurationError: The variable is not set, or both are given.
        """
        if self.token_variable is None:
            return self.token
        if self.token is not None:
            raise ConfigurationError(
                f"the endpoint of {self.cloud} has a token and a token_variable, expected one of "
                "them; remove the other"
            )
        token = os.environ.get(self.token_variable, "").strip()
        if not token:
            raise ConfigurationError(
                f"{self.token_variable} is not set, expected the bearer token of {self.cloud}'s "
                "endpoint"
            )
        return token
