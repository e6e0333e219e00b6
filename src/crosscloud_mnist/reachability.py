"""Whether a server accepts connections, directly or through a proxy; clients retry for minutes."""

from __future__ import annotations

import ipaddress
import os
import socket
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

from crosscloud_mnist.redaction import mask_uris

_TIMEOUT_SECONDS = 5
_PORTS = {"http": 80, "https": 443}
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NO_PROXY = "no_proxy"
_LOOPBACK = "localhost,127.0.0.1,127.0.0.0/8,::1"
_MAX_STATUS_LINE = 1024


class _UnreachableError(Exception):
    """Why no connection can be made, and what to check."""


def check_reachable(address: str, expected: str, error: type[Exception]) -> None:
    """Raise within seconds if a server does not accept connections.

    The check goes the way of the requests that follow: through the proxy that the environment names
    for the address, and directly to this machine.

    Args:
        address: ``http(s)://host[:port]``, or ``host`` alone, which means https. Any other scheme
            is ignored.
        expected: What should listen there, for the message.
        error: Raised if nothing does, or if a proxy or certificate variable is not valid.
    """
    parts = urlsplit(address if ":/" in address else f"https://{address}")
    if parts.scheme not in _PORTS:
        return
    try:
        if parts.scheme == "https":
            _check_certificates()
        proxy = _proxy_of(parts)
        if proxy:
            _check_through_proxy(parts, proxy)
        else:
            _connect(parts.hostname or "", parts.port or _PORTS[parts.scheme]).close()
    except _UnreachableError as failure:
        raise error(f"{mask_uris(address)} cannot be reached: {failure}") from None
    except (OSError, ValueError) as failure:  # ValueError: the port is not a number
        raise error(
            f"{mask_uris(address)} does not answer ({failure}), expected {expected} there; check "
            "its address and the network"
        ) from None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, as a name or an address."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def no_proxy_for_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which no request to this machine goes through a proxy.

    A proxy would receive the credentials that are meant for a server on this machine.
    """
    names = (_NO_PROXY, _NO_PROXY.upper())
    existing = next((environment[name] for name in names if environment.get(name)), "")
    if existing.strip() == "*" or _LOOPBACK in existing:
        return dict.fromkeys(names, existing)
    return dict.fromkeys(names, f"{existing},{_LOOPBACK}" if existing else _LOOPBACK)


def _check_certificates() -> None:
    for name in _CERTIFICATES:
        path = os.environ.get(name)
        if path and not Path(path).exists():
            raise _UnreachableError(
                f"{name} is {path}, which does not exist; expected the file or folder of the "
                "certificates: correct or unset it"
            )


def _proxy_of(parts: SplitResult) -> str | None:
    """Return the proxy of the address, as requests, and so MLflow and Databricks, choose it."""
    if is_loopback(parts.hostname or "") or not getproxies():
        return None
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(parts.geturl(), get_environ_proxies(parts.geturl()))


def _check_through_proxy(parts: SplitResult, proxy: str) -> None:
    shown = mask_uris(proxy)
    proxy_parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if proxy_parts.scheme.startswith("socks"):
        if find_spec("socks") is None:
            raise _UnreachableError(
                f"its proxy is {shown}, and the package PySocks is not installed; expected an "
                "http(s) proxy: install requests[socks], or correct HTTPS_PROXY"
            )
        port = proxy_parts.port or 1080
    elif proxy_parts.scheme in _PORTS:
        port = proxy_parts.port or _PORTS[proxy_parts.scheme]
    else:
        raise _UnreachableError(
            f"its proxy is {shown}, expected http://host:port; correct HTTPS_PROXY or HTTP_PROXY"
        )
    try:
        connection = _connect(proxy_parts.hostname or "", port)
    except OSError as failure:
        raise _UnreachableError(
            f"its proxy {shown} does not answer ({failure}), expected a proxy there; correct or "
            "unset HTTPS_PROXY and HTTP_PROXY, or add the host to NO_PROXY"
        ) from failure
    with closing(connection):
        if proxy_parts.scheme == "http":
            status = _ask_proxy(connection, parts, proxy_parts)
            if status is None or status in (407, 502, 503, 504):
                found = f"answers {status}" if status else "does not answer as one"
                raise _UnreachableError(
                    f"its proxy {shown} {found}, expected a connection to {parts.hostname}; check "
                    "the host, and the user and the password in HTTPS_PROXY and HTTP_PROXY"
                )


def _ask_proxy(
    connection: socket.socket, parts: SplitResult, proxy_parts: SplitResult
) -> int | None:
    """Return the status with which the proxy answers; ``None`` if it does not speak HTTP."""
    target = f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
    method = f"CONNECT {target}" if parts.scheme == "https" else f"HEAD http://{target}/"
    lines = [f"{method} HTTP/1.1", f"Host: {target}", "Connection: close"]
    if proxy_parts.username:
        user = f"{unquote(proxy_parts.username)}:{unquote(proxy_parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(user.encode()).decode()}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    with connection.makefile("rb") as response:
        words = response.readline(_MAX_STATUS_LINE).split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return None
    return int(words[1])


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), _TIMEOUT_SECONDS)
