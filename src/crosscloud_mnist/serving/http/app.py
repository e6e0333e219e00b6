"""The REST endpoint: one model behind the routes of three servers that people know.

MLflow's (https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally), Databricks Model
Serving's, and TensorFlow Serving's (https://www.tensorflow.org/tfx/serving/api_rest).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.serving.http.http_protocol import IN_FLIGHT
from crosscloud_mnist.serving.http.middleware import RequestMiddleware, header
from crosscloud_mnist.serving.http.openapi import describe
from crosscloud_mnist.serving.http.payload import MAX_BYTES, PayloadError, decode
from crosscloud_mnist.serving.http.responses import JSON, error_response, json_response
from crosscloud_mnist.serving.inference.batching import Batcher, Rows
from crosscloud_mnist.serving.inference.model import ServedModel
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog
from crosscloud_mnist.serving.telemetry.metrics import Metrics
from crosscloud_mnist.serving.telemetry.request_log import RequestLog

_PAGE = Path(__file__).parent / "page"


class _Endpoint:
    """The routes over one model: itself what predicts, its methods the others."""

    def __init__(self, model: ServedModel, metrics: Metrics) -> None:
        self._model, self._metrics = model, metrics
        self._batcher = Batcher(model.predict, model.max_inline_batch)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer images with ``{"predictions": [[10 floats], ...]}``.

        This is ASGI itself: the functions below are wrapped, which takes a tenth of the time.
        """
        _require_json(scope)
        try:
            images = decode(await _body(receive))
        except PayloadError as error:
            raise HTTPException(400, str(error)) from error
        alone = len(scope.get("state", {}).get(IN_FLIGHT, ())) <= 1
        await json_response({"predictions": await self._answer(images, alone)})(
            scope, receive, send
        )

    async def image(self, request: Request) -> Response:
        """Answer one image file, of any kind that Pillow reads, with what the model saw."""
        body = await _body(request.receive)
        seen = await anyio.to_thread.run_sync(_seen, body)
        (probabilities,) = await self._answer(seen[None], alone=True)  # from a thread of its own
        return json_response({"seen": seen.tolist(), "probabilities": probabilities})

    async def health(self, _request: Request) -> Response:
        """Say that the model is up; it answered its golden set before the port was opened."""
        return json_response({"status": "ok"})

    async def version(self, _request: Request) -> Response:
        """Say what is served and where it comes from."""
        model = self._model
        return json_response(
            {
                "name": model.name,
                "version": model.version,
                "digest": model.digest,
                "card": model.card,
                "contract": model.contract,
            }
        )

    async def tf_status(self, _request: Request) -> Response:
        """Answer as TensorFlow Serving does when asked for the model's status."""
        state = {"error_code": "OK", "error_message": ""}
        row = {"version": self._model.version, "state": "AVAILABLE", "status": state}
        return json_response({"model_version_status": [row]})

    async def tf_metadata(self, _request: Request) -> Response:
        """Answer as TensorFlow Serving does when asked for the model's signature."""
        model = self._model
        signature = {
            "inputs": {"images": _tensor("DT_UINT8", (-1, 28, 28))},
            "outputs": {"probabilities": _tensor("DT_FLOAT", (-1, 10))},
            "method_name": "tensorflow/serving/predict",
        }
        return json_response(
            {
                "model_spec": {"name": model.name, "version": model.version},
                "metadata": {
                    "signature_def": {"signature_def": {"serving_default": signature}},
                },
            }
        )

    async def openapi(self, _request: Request) -> Response:
        """Describe the routes that predict, as OpenAPI."""
        return json_response(describe(self._model.name, self._model.version))

    async def metrics(self, _request: Request) -> Response:
        """Answer in Prometheus' text format."""
        content, media_type = self._metrics.text()
        return Response(content, media_type=media_type)

    async def _answer(self, images: NDArray[np.uint8], alone: bool) -> Rows:
        rows = await self._batcher.answer(images, alone=alone)
        self._metrics.predicted(rows)
        return rows


def create_app(
    model: ServedModel,
    token: str | None = None,
    log: RequestLog | None = None,
    sample: InferenceLog | None = None,
) -> Starlette:
    """Return the endpoint as an ASGI application.

    Args:
        model: What to serve; proved already.
        token: The bearer token that callers must bring, if any.
        log: The request log, if there is to be one; flushed with the application's end.
        sample: The inference log, if there is to be one; closed with the application.
    """
    metrics = Metrics()
    endpoint = _Endpoint(model, metrics)
    name = model.name
    predicts = (
        "/invocations",
        f"/serving-endpoints/{name}/invocations",
        f"/v1/models/{name}:predict",
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        if log:
            log.flush()
        if sample:
            sample.close()

    app = Starlette(
        routes=[
            *(Route(path, endpoint, methods=["POST"]) for path in predicts),
            Route(f"/v1/models/{name}", endpoint.tf_status),
            Route(f"/v1/models/{name}/metadata", endpoint.tf_metadata),
            Route("/image", endpoint.image, methods=["POST"]),
            Route("/health", endpoint.health),
            Route("/ping", endpoint.health),
            Route("/version", endpoint.version),
            Route("/metrics", endpoint.metrics),
            Route("/openapi.json", endpoint.openapi),
            Route("/", lambda _: FileResponse(_PAGE / "index.html")),
            Mount("/page", StaticFiles(directory=_PAGE)),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _refuse},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.add_middleware(
        RequestMiddleware,
        token=token,
        metrics=metrics,
        model_version=model.version,
        predicts=frozenset(predicts),
        log=log,
        sample=sample,
    )
    return app


def _refuse(request: Request, error: Exception) -> Response:
    """Say what is wrong in the shape that the route's own clients read."""
    if isinstance(error, HTTPException):
        return error_response(request.url.path, error.status_code, error.detail, error.headers)
    return error_response(request.url.path, 500, "internal error")


async def _body(receive: Receive) -> bytes:
    """Read the body, up to the limit; the protocol ends who takes too long over it."""
    parts, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body, more = message.get("body", b""), message.get("more_body", False)
        if len(parts) + len(body) > MAX_BYTES:
            raise HTTPException(413, f"the body exceeds {MAX_BYTES} bytes; send fewer")
        if not parts and not more:
            return bytes(body)  # nearly always: all of it at once
        parts += body
    return bytes(parts)


def _require_json(scope: Scope) -> None:
    given = header(scope, b"content-type") or b""
    if given.partition(b";")[0].strip().lower() != JSON.encode():
        raise HTTPException(415, f"the content type is not {JSON}; set the header")


def _seen(body: bytes) -> NDArray[np.uint8]:
    from crosscloud_mnist.preprocessing import open_image, to_model_input

    try:
        return to_model_input(open_image(body))
    except ImageError as error:
        raise HTTPException(400, f"the image {error}") from error


def _tensor(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}
