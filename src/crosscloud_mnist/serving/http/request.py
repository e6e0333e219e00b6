"""What is read from an ASGI request: a header, the content type, the body."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from crosscloud_mnist.serving.http.body_limits import FREE_BODY_BYTES, BodyBudget


def get_header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that name (lower case), or ``None``."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def get_media_type(scope: Scope) -> str:
    """Return the content type in lower case, without its parameters; empty without a header."""
    value = get_header(scope, b"content-type") or b""
    return value.partition(b";")[0].strip().lower().decode("latin-1")


async def read_body(receive: Receive, budget: BodyBudget) -> bytes | bytearray:
    """Return the body; its size is to be released from the budget. The protocol limits the time.

    Raises:
        HTTPException: 413, it is larger than ``MAX_BODY_BYTES``; 503, the budget is used up.
        ClientDisconnect: The client closed the connection.
    """
    part, more_body = await _receive_part(receive)
    if not more_body and len(part) <= FREE_BODY_BYTES:
        return part  # the usual case: one message holds the whole body
    body = bytearray()
    try:
        while True:
            budget.grow(len(body), len(body) + len(part))
            body += part
            if not more_body:
                return body
            part, more_body = await _receive_part(receive)
    except BaseException:
        budget.release(len(body))
        raise


async def _receive_part(receive: Receive) -> tuple[bytes, bool]:
    """Return a part of the body, and whether more is to come."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)
