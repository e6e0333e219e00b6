"""A call of the application whose two bodies go to the inference log."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crosscloud_mnist.serving.http.request import get_header
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog, LoggedRequest


async def call_and_capture(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    inference_log: InferenceLog,
    request_id: str,
) -> None:
    """Call the application, and log the bodies of the request and of the response."""
    started, start, status = datetime.now(UTC), time.perf_counter(), 500
    request_body, response_body = bytearray(), bytearray()

    async def receive_and_capture() -> Message:
        message = await receive()
        request_body.extend(message.get("body", b""))
        return message

    async def send_and_capture(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        response_body.extend(message.get("body", b""))
        await send(message)

    try:
        await app(scope, receive_and_capture, send_and_capture)
    finally:
        client_request_id = get_header(scope, b"x-client-request-id")
        inference_log.submit(
            LoggedRequest(
                request_id=request_id,
                client_request_id=client_request_id.decode("latin-1")
                if client_request_id
                else None,
                started=started,
                status=status,
                milliseconds=round((time.perf_counter() - start) * 1000),
                request=bytes(request_body),
                response=bytes(response_body),
            )
        )
