"""The headers of the requests that a workspace's process sends to its workspace.

MLflow and databricks-sdk create clients of their own, for each request or for a long upload, and
keep a token as long as the client lives: MLflow 3.8 to 3.17 read ``DATABRICKS_TOKEN`` for each
request (mlflow/utils/databricks_utils.py, ``get_databricks_host_creds``), but their upload clients
do not, and MLflow 3.8 and 3.12 demand that the variable is set. All of them send by ``requests``.
So they are given a placeholder, and the last step of a request replaces it with what is valid now:
whatever the version and the age of the client, and for this workspace's address alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crosscloud_mnist.isolation.authorization import AuthorizationClient
from crosscloud_mnist.isolation.process_config import PLACEHOLDER_TOKEN
from crosscloud_mnist.token_rejection import FORBIDDEN, is_token_rejected

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_AUTHORIZATION = "Authorization"
_PORTS = {"http": 80, "https": 443}


def install(
    address: str, fixed: Mapping[str, str], authorization: AuthorizationClient | None
) -> None:
    """Let each authorized request of this process to the address carry the headers.

    A request whose token is rejected is sent once more with a new one: the workspace has not acted
    on it.

    Args:
        address: ``scheme://host:port``.
        fixed: Headers of every authorized request.
        authorization: Replaces the placeholder; ``None`` where the libraries have credentials.
    """
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send
    origin = _origin(address)

    def send_with_headers(
        adapter: HTTPAdapter, request: PreparedRequest, *arguments: Any, **options: Any
    ) -> Response:
        credential = request.headers.get(_AUTHORIZATION)
        if credential is None or _origin(request.url or "") != origin:
            return send(adapter, request, *arguments, **options)

        def send_copy(headers: Mapping[str, str]) -> Response:
            changed = request.copy()  # the original keeps the placeholder, also in a redirect
            changed.headers.update({**fixed, **headers})
            return send(adapter, changed, *arguments, **options)

        if authorization is None or credential != f"Bearer {PLACEHOLDER_TOKEN}":
            return send_copy({})
        return _send_authorized(request.body, authorization, send_copy)

    HTTPAdapter.send = send_with_headers  # type: ignore[method-assign,assignment]


def _send_authorized(
    body: Any, authorization: AuthorizationClient, send: Callable[[Mapping[str, str]], Response]
) -> Response:
    """Send with the current authorization; once more with a new one if that is rejected."""
    start = _find_start(body)
    headers = authorization.headers()
    response = send(headers)
    if start is None or not _is_rejected(response):
        return response
    renewed = authorization.renew(headers)
    if renewed == headers:
        return response
    response.close()
    if start.is_stream:
        body.seek(start.position)
    return send(renewed)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


@dataclass(frozen=True)
class _Start:
    """Where a body starts that can be sent again."""

    position: int
    is_stream: bool


def _find_start(body: Any) -> _Start | None:
    if body is None or isinstance(body, bytes | str):
        return _Start(0, is_stream=False)
    try:
        return _Start(body.tell(), is_stream=True) if body.seekable() else None
    except (AttributeError, OSError):
        return None  # a generator, for example


def _is_rejected(response: Response) -> bool:
    content = response.content if response.status_code == FORBIDDEN else b""  # may be a download
    return is_token_rejected(response.status_code, content)
