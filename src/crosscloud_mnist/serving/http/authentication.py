"""Authentication by one bearer token: https://www.rfc-editor.org/rfc/rfc6750."""

from __future__ import annotations

import hmac

from crosscloud_mnist.errors import ConfigurationError


class BearerToken:
    """The token of an endpoint.

    Args:
        token: Its text.

    Raises:
        ConfigurationError: No client could send it in a header.
    """

    def __init__(self, token: str) -> None:
        if not token:
            raise ConfigurationError(
                "the endpoint's token is empty, expected a token, or no variable for an endpoint "
                "without authentication; set MNIST_ENDPOINT_TOKEN or unset it"
            )
        if not all("!" <= character <= "~" for character in token):
            raise ConfigurationError(
                "the endpoint's token holds a space or a character that is not ASCII, expected "
                "letters, digits and punctuation; set another MNIST_ENDPOINT_TOKEN"
            )
        self._token = token.encode()

    def matches(self, authorization: bytes | None) -> bool:
        """Return whether the header is ``Bearer <token>``; the scheme in any case."""
        scheme, _, token = (authorization or b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def parse_token(value: str | None) -> BearerToken | None:
    """Return the token of the variable's value; ``None``, no authentication, if it is not set.

    Raises:
        ConfigurationError: The value is empty or cannot be sent in a header.
    """
    return None if value is None else BearerToken(value)
