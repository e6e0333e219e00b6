"""What every request passes: the token, the limit, its id, the logs and the metrics."""

from __future__ import annotations

import hmac
import os
import time
from datetime import UTC, datetime

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosscloud_mnist.serving.http.responses import error_response
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog, LoggedRequest
from crosscloud_mnist.serving.telemetry.metrics import Metrics
from crosscloud_mnist.serving.telemetry.request_log import RequestLog

_OPEN = ("/", "/health", "/ping")  # and the page's own files
_PAGE = "/page/"
_GONE = 499  # nginx's status for a client that left; only the log and the metrics see it
_MAX_AT_ONCE = 256  # requests to predict; more are told to come back
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_OF_PAGES = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob: data:"),
    (b"referrer-policy", b"no-referrer"),
)


class RequestMiddleware:
    """ASGI middleware.

    Args:
        app: What comes behind.
        token: The bearer token that callers must bring, if any.
        metrics: Where requests are counted.
        model_version: For the log.
        predicts: The paths of the routes that predict.
        log: The request log, if there is one.
        sample: The inference log, if there is one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None,
        metrics: Metrics,
        model_version: str,
        predicts: frozenset[str],
        log: RequestLog | None = None,
        sample: InferenceLog | None = None,
    ) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None
        self._metrics = metrics
        self._model_version = model_version
        self._predicts = predicts
        self._log = log
        self._sample = sample
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request_id, status = time.perf_counter(), os.urandom(16).hex(), 500
        marks = [(b"x-request-id", request_id.encode()), _NO_SNIFFING]
        if scope["method"] != "POST":
            marks += _OF_PAGES

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *marks]
            await send(message)

        self._at_once += 1
        try:
            if not self._allowed(scope):
                headers = {"www-authenticate": "Bearer"}
                no = error_response(
                    scope["path"], 401, "bring the bearer token of this endpoint", headers
                )
                await no(scope, receive, send_marked)
            elif scope["method"] == "POST" and self._at_once > _MAX_AT_ONCE:
                headers = {"retry-after": "1"}
                no = error_response(scope["path"], 503, "too many requests at once; retry", headers)
                await no(scope, receive, send_marked)
            elif self._sample and scope["path"] in self._predicts and self._sample.should_sample():
                await self._sampled(self._sample, request_id, scope, receive, send_marked)
            else:
                await self._app(scope, receive, send_marked)
        except ClientDisconnect:  # or the protocol sent it away: nobody is left to be answered
            status = _GONE
        finally:
            self._at_once -= 1
            self._record(scope, request_id, status, time.perf_counter() - start)

    def _allowed(self, scope: Scope) -> bool:
        path = scope["path"]
        if self._expected is None or path in _OPEN or path.startswith(_PAGE):
            return True
        given = header(scope, b"authorization") or b""
        return hmac.compare_digest(given, self._expected)

    async def _sampled(
        self, sample: InferenceLog, request_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass the request on, and its two bodies to the inference log."""
        started, start, status = datetime.now(UTC), time.perf_counter(), 500
        asked, answered = bytearray(), bytearray()

        async def receive_kept() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def send_kept(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            answered.extend(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive_kept, send_kept)
        finally:
            theirs = header(scope, b"x-client-request-id")
            milliseconds = round((time.perf_counter() - start) * 1000)
            sample.record(
                LoggedRequest(
                    request_id,
                    theirs.decode("latin-1") if theirs else None,
                    started,
                    status,
                    milliseconds,
                    bytes(asked),
                    bytes(answered),
                )
            )

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.answered(route, status, seconds)
        if self._sample:
            self._metrics.dropped(self._sample.dropped())
        if self._log:
            self._log.add(
                {
                    "time": datetime.now(UTC),
                    "request_id": request_id,
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 3),
                    "model_version": self._model_version,
                }
            )


def _route(scope: Scope) -> str:
    """Return the route's path, or of the page's files their folder; ``none`` where none matched."""
    if "endpoint" not in scope:
        return "none"
    return str(scope.get("root_path") or scope["path"])


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that name, in lower case, if there is one."""
    return next((value for key, value in scope["headers"] if key == name), None)
