"""The HTTP client of one address: its proxy, its certificates and the time to connect."""

from __future__ import annotations

import os
import ssl

import httpx

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.reachability import is_loopback

_CONNECT_SECONDS = 3.0  # an address that is gone is noticed sooner than a slow response
_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


def create_client(
    url: httpx.URL, shown_url: str, user: httpx.BasicAuth | None
) -> httpx.AsyncClient:
    """Return a client of the address; a loopback address is reached without a proxy.

    Args:
        url: The address.
        shown_url: The address, for messages.
        user: Basic authentication, if there is any.

    Raises:
        ConfigurationError: A variable for proxies or certificates is not valid.
    """
    headers = {"accept-encoding": "identity", "content-type": "application/json"}
    try:
        is_direct = is_loopback(url.host)
        no_certificates = is_direct and url.scheme == "http"  # reading them takes 20 ms
        return httpx.AsyncClient(
            auth=user,
            headers=headers,
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            trust_env=not is_direct,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if no_certificates else True,
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        values = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in _VARIABLES}
        names = [name for name, value in values.items() if value] or _VARIABLES
        raise ConfigurationError(
            f"the connection to {shown_url} cannot be set up ({type(error).__name__}), "
            "expected http(s) addresses in the proxy variables (socks5 wants the package "
            f"socksio) and existing files in SSL_CERT_*; correct {' or '.join(names)}"
        ) from None  # the error itself may show the proxy's password
