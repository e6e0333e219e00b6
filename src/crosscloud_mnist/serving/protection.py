"""What every request passes: the token, the request's id, the log line and the metrics."""

from __future__ import annotations

import hmac
import logging
import time
import uuid

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosscloud_mnist.serving.metrics import Metrics

_OPEN = ("/", "/health", "/ping")  # and the page's own files
_PAGE = "/page/"
_SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob: data:"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

logger = logging.getLogger("crosscloud_mnist.requests")


class Protection:
    """ASGI middleware.

    Args:
        app: What comes behind.
        token: The bearer token that callers must bring, if any.
        metrics: Where requests are counted.
        model_version: For the log.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None, metrics: Metrics, model_version: str
    ) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None
        self._metrics = metrics
        self._model_version = model_version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request_id, status = time.perf_counter(), uuid.uuid4().hex, 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                marks = [(b"x-request-id", request_id.encode()), *_SECURITY_HEADERS]
                message["headers"] = [*message.get("headers", ()), *marks]
            await send(message)

        try:
            if self._allowed(scope):
                await self._app(scope, receive, send_marked)
            else:
                await _unauthorized(send_marked)
        finally:
            self._record(scope, request_id, status, time.perf_counter() - start)

    def _allowed(self, scope: Scope) -> bool:
        path = scope["path"]
        if self._expected is None or path in _OPEN or path.startswith(_PAGE):
            return True
        given = next((value for key, value in scope["headers"] if key == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        matched = scope.get("route")
        route = getattr(matched, "path", "none")
        self._metrics.answered(route, status, seconds)
        if logger.isEnabledFor(logging.INFO):
            line = {
                "request_id": request_id,
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "model_version": self._model_version,
            }
            logger.info("%s", msgspec.json.encode(line).decode())


async def _unauthorized(send: Send) -> None:
    body = msgspec.json.encode(
        {"error_code": "PERMISSION_DENIED", "message": "bring the bearer token of this endpoint"}
    )
    headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
