"""What applies to every request: host, authentication, an id, headers, logs and metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import getrandbits

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosscloud_mnist.serving.http.allowed_hosts import AllowedHosts
from crosscloud_mnist.serving.http.authentication import BearerToken
from crosscloud_mnist.serving.http.body_capture import call_and_capture
from crosscloud_mnist.serving.http.prediction import PredictEndpoint
from crosscloud_mnist.serving.http.report import REPORT_PATH
from crosscloud_mnist.serving.http.request import get_header
from crosscloud_mnist.serving.http.responses import error_response
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog
from crosscloud_mnist.serving.telemetry.metrics import Metrics
from crosscloud_mnist.serving.telemetry.request_log import RequestLog, RequestLogEntry

_PUBLIC_PATHS = ("/", "/health", "/ping")  # and the page's own files
_PAGE_PATH = "/page/"
_CLIENT_CLOSED_REQUEST = 499  # nginx's status; only the log and the metrics see it
_CONTENT_TYPE_OPTIONS = (b"x-content-type-options", b"nosniff")
_CONTENT_SECURITY_POLICY = (
    b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; "
    b"form-action 'none'"
)
_REPORT_POLICY = (  # its styles are in the file
    b"default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    b"base-uri 'none'; form-action 'none'"
)


class RequestMiddleware:
    """ASGI middleware.

    Args:
        app: The application.
        allowed_hosts: The names of the endpoint.
        token: The bearer token that clients must send; ``None`` for no authentication.
        metrics: Where requests are counted.
        model_version: For the request log.
        predict_routes: The routes whose requests the inference log samples.
        request_log: The request log, if it is on.
        inference_log: The inference log, if it is on.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: AllowedHosts,
        token: BearerToken | None,
        metrics: Metrics,
        model_version: str,
        predict_routes: Sequence[Route],
        request_log: RequestLog | None = None,
        inference_log: InferenceLog | None = None,
    ) -> None:
        self._app = app
        self._allowed_hosts, self._token = allowed_hosts, token
        self._metrics = metrics
        self._model_version = model_version
        self._predict_routes = predict_routes
        self._predict_endpoints = {
            route.path: route.endpoint for route in predict_routes if not route.param_convertors
        }
        self._request_log = request_log
        self._inference_log = inference_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or reject the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, request_id = time.perf_counter(), f"{getrandbits(128):032x}"
        response = _ResponseWithHeaders(send, _response_headers(scope, request_id))
        try:
            await self._dispatch(scope, receive, response.send, request_id)
        except ClientDisconnect:  # by the client, or by the protocol's timeout
            response.status = _CLIENT_CLOSED_REQUEST
        finally:
            seconds = time.perf_counter() - start
            self._record(scope, request_id, response.status, seconds)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        rejection = self._reject(scope)
        if rejection is not None:
            await rejection(scope, receive, send)
            return
        app = self._find_app(scope)
        if self._inference_log and self._should_sample(self._inference_log, scope):
            await call_and_capture(
                app,
                scope,
                receive,
                send,
                inference_log=self._inference_log,
                request_id=request_id,
            )
        else:
            await app(scope, receive, send)

    def _find_app(self, scope: Scope) -> ASGIApp:
        """Return the endpoint that predicts, or the application, which routes other requests."""
        endpoint = self._predict_endpoints.get(scope["path"])
        if endpoint is None or scope["method"] != "POST":
            return self._app
        scope["endpoint"] = endpoint
        return endpoint

    def _reject(self, scope: Scope) -> Response | None:
        """Return the response to a request that the application must not see."""
        host_error = self._allowed_hosts.find_error(scope)
        if host_error is not None:
            return error_response(scope["path"], *host_error)
        if not self._is_authorized(scope):
            headers = {"www-authenticate": "Bearer"}
            message = "the bearer token is missing or wrong; send the token of this endpoint"
            return error_response(scope["path"], 401, message, headers)
        return None

    def _is_authorized(self, scope: Scope) -> bool:
        path = scope["path"]
        if self._token is None or path in _PUBLIC_PATHS or path.startswith(_PAGE_PATH):
            return True
        return self._token.matches(get_header(scope, b"authorization"))

    def _should_sample(self, inference_log: InferenceLog, scope: Scope) -> bool:
        is_predict = any(route.path_regex.match(scope["path"]) for route in self._predict_routes)
        return is_predict and inference_log.should_sample()

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        """Count the request, and write it to the request log."""
        route = _get_route(scope)
        self._metrics.observe_request(route, status, seconds)
        if self._inference_log:
            self._metrics.count_dropped_lines(self._inference_log.take_dropped_count())
        if self._request_log:
            self._request_log.append(
                RequestLogEntry(
                    time=datetime.now(UTC),
                    request_id=request_id,
                    method=scope["method"],
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 3),
                    model_version=self._model_version,
                )
            )


class _ResponseWithHeaders:
    """Adds headers to the response, and keeps its status."""

    __slots__ = ("_headers", "_send", "status")

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send, self._headers = send, headers
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


def _response_headers(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", request_id.encode()), _CONTENT_TYPE_OPTIONS]
    if scope["method"] != "POST":
        policy = _REPORT_POLICY if scope["path"] == REPORT_PATH else _CONTENT_SECURITY_POLICY
        headers += [(b"content-security-policy", policy), (b"referrer-policy", b"no-referrer")]
    return headers


def _get_route(scope: Scope) -> str:
    """Return the route's path, for page files their folder; ``none`` where no route matched."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return "none"
    if isinstance(endpoint, PredictEndpoint):
        return endpoint.route  # its path may hold a label
    return str(scope.get("root_path") or scope["path"])
