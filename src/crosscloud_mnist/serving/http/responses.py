"""Responses as JSON, and errors in the form that the clients of each route read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

JSON = "application/json"
_CODES = {
    401: "UNAUTHENTICATED",
    404: "RESOURCE_DOES_NOT_EXIST",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
_encode = msgspec.json.Encoder().encode


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the content as JSON."""
    return Response(_encode(content), status, headers, media_type=JSON)


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
