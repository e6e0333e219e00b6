"""What is read from an ASGI request: a header, the content type, the body."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from crosscloud_mnist.serving.http.payload import MAX_BODY_BYTES
from crosscloud_mnist.serving.http.responses import JSON


def get_header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that name (lower case), or ``None``."""
    return next((value for key, value in scope["headers"] if key == name), None)


def get_media_type(scope: Scope) -> bytes:
    """Return the content type in lower case, without its parameters; empty without a header."""
    value = get_header(scope, b"content-type") or b""
    return value.partition(b";")[0].strip().lower()


def require_json(scope: Scope) -> None:
    """Check that the request says that its body is JSON.

    Raises:
        HTTPException: 415, it says something else.
    """
    if get_media_type(scope) != JSON.encode():
        raise HTTPException(415, f"the content type is not {JSON}; set the header")


async def read_body(receive: Receive) -> bytes:
    """Return the body. The protocol limits the time that it may take.

    Raises:
        HTTPException: 413, it is larger than ``MAX_BODY_BYTES``.
        ClientDisconnect: The client closed the connection.
    """
    parts, more_body = bytearray(), True
    while more_body:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if len(parts) + len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body exceeds {MAX_BODY_BYTES} bytes; send fewer images")
        if not parts and not more_body:
            return bytes(body)  # the usual case: one message holds the whole body
        parts += body
    return bytes(parts)
