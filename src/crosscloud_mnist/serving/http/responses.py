"""Responses as JSON, and errors in the form that the clients of each route read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response
from starlette.types import Send

JSON = "application/json"
_CODES = {
    401: "UNAUTHENTICATED",
    404: "RESOURCE_DOES_NOT_EXIST",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
_CONTENT_TYPE = (b"content-type", JSON.encode())
_encode = msgspec.json.Encoder().encode


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the content as JSON."""
    return Response(_encode(content), status, headers, media_type=JSON)


async def send_json(send: Send, content: object) -> None:
    """Send the content as JSON with status 200: less work than a ``Response``."""
    body = _encode(content)
    headers = [(b"content-length", b"%d" % len(body)), _CONTENT_TYPE]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_response(
    path: str, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as TensorFlow Serving does under /v1/, elsewhere as MLflow and Databricks do.

    Args:
        path: Path of the request.
        status: 400 or above.
        message: One line that repeats nothing of the request.
        headers: Additional headers.
    """
    if path.startswith("/v1/"):
        return json_response({"error": message}, status, headers)
    code = _CODES.get(status, "BAD_REQUEST")
    return json_response({"error_code": code, "message": message}, status, headers)
