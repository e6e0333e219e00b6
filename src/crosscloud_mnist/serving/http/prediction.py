"""The endpoints that predict: images as JSON, and one image file."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from crosscloud_mnist.serving.http.body_limits import BodyBudget
from crosscloud_mnist.serving.http.http_protocol import IN_FLIGHT
from crosscloud_mnist.serving.http.payload import MAX_INLINE_BYTES, PayloadError
from crosscloud_mnist.serving.http.request import get_media_type, read_body
from crosscloud_mnist.serving.http.responses import JSON, error_response, send_json
from crosscloud_mnist.serving.inference.batching import Batcher, Probabilities
from crosscloud_mnist.serving.inference.model import ServedModel
from crosscloud_mnist.serving.telemetry.metrics import Metrics

MAX_CONCURRENT_PREDICTIONS = 256
MLFLOW_MEDIA_TYPES = frozenset([JSON])
# TensorFlow Serving reads no content type; its documented curl command sends a form's.
TF_SERVING_MEDIA_TYPES = frozenset([JSON, "application/x-www-form-urlencoded", ""])


class Predictor:
    """Predicts and counts the images of all endpoints.

    Attributes:
        decode: Returns the images of a request's body: see ``ImageDecoder``.

    Args:
        model: What predicts.
        metrics: Where predictions are counted.
    """

    def __init__(self, model: ServedModel, metrics: Metrics) -> None:
        self._batcher = Batcher(model.predict, model.max_inline_batch)
        self.decode = model.decode
        self._metrics = metrics
        self._concurrent_predictions = 0

    async def predict(self, images: NDArray[np.uint8], *, is_only_request: bool) -> Probabilities:
        """Return the probabilities [n, classes] of images ``[n, *image_shape]``, uint8.

        Raises:
            HTTPException: 503, too many requests wait for their predictions.
        """
        if self._concurrent_predictions >= MAX_CONCURRENT_PREDICTIONS:
            raise HTTPException(503, "too many requests at once; retry", {"retry-after": "1"})
        self._concurrent_predictions += 1
        try:
            return await self._batcher.predict(images, is_only_request=is_only_request)
        finally:
            self._concurrent_predictions -= 1

    def count(self, probabilities: Probabilities) -> None:
        """Count predictions that were sent: no client waits for that."""
        self._metrics.observe_predictions(probabilities)


class PredictEndpoint:
    """Images as JSON to ``{"predictions": [[a float for each class], ...]}``.

    It is an ASGI application that handles its own errors, and the middleware calls it without the
    router: Starlette's router and wrappers take a tenth of the time of a request.

    Attributes:
        route: Path of the route, as the metrics and the request log name it.

    Args:
        route: The path.
        predictor: What predicts.
        budget: Limits the bodies of all requests together.
        media_types: Content types that are accepted.
    """

    _decoder = ThreadPoolExecutor(1, "decode")  # one large body at a time bounds the memory

    def __init__(
        self,
        route: str,
        predictor: Predictor,
        budget: BodyBudget,
        media_types: frozenset[str] = MLFLOW_MEDIA_TYPES,
    ) -> None:
        self.route = route
        self._predictor, self._budget, self._media_types = predictor, budget, media_types
        self._decode = predictor.decode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        try:
            predictions = await self._read_and_predict(scope, receive)
        except HTTPException as error:
            status, headers = error.status_code, error.headers
            response = error_response(scope["path"], status, error.detail, headers)
            await response(scope, receive, send)
        else:
            await send_json(send, {"predictions": predictions})
            self._predictor.count(predictions)

    async def _read_and_predict(self, scope: Scope, receive: Receive) -> Probabilities:
        if get_media_type(scope) not in self._media_types:
            raise HTTPException(415, f"the content type is not {JSON}; set the header")
        body = await read_body(receive, self._budget)
        try:
            return await self._predict(body, scope)
        finally:
            self._budget.release(len(body))

    async def _predict(self, body: bytes | bytearray, scope: Scope) -> Probabilities:
        try:
            if len(body) <= MAX_INLINE_BYTES:
                images = self._decode(body)
            else:
                loop = asyncio.get_running_loop()
                images = await loop.run_in_executor(self._decoder, self._decode, body)
        except PayloadError as error:
            raise HTTPException(400, str(error)) from error
        in_flight = scope.get("state", {}).get(IN_FLIGHT, ())
        return await self._predictor.predict(images, is_only_request=len(in_flight) <= 1)
