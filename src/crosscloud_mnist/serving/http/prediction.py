"""The endpoints that predict: images as JSON, and one image file."""

from __future__ import annotations

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.serving.http.http_protocol import IN_FLIGHT
from crosscloud_mnist.serving.http.payload import PayloadError, decode_images
from crosscloud_mnist.serving.http.request import read_body, require_json
from crosscloud_mnist.serving.http.responses import json_response
from crosscloud_mnist.serving.inference.batching import Batcher, Probabilities
from crosscloud_mnist.serving.inference.model import ServedModel
from crosscloud_mnist.serving.telemetry.metrics import Metrics


class PredictEndpoint:
    """Images as JSON to ``{"predictions": [[10 floats], ...]}``.

    It is an ASGI application, not an endpoint function: Starlette's wrapper of a function takes a
    tenth of the time of a request.

    Args:
        model: What predicts.
        metrics: Where predictions are counted.
    """

    def __init__(self, model: ServedModel, metrics: Metrics) -> None:
        self._batcher = Batcher(model.predict, model.max_inline_batch)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        require_json(scope)
        try:
            images = decode_images(await read_body(receive))
        except PayloadError as error:
            raise HTTPException(400, str(error)) from error
        in_flight = scope.get("state", {}).get(IN_FLIGHT, ())
        predictions = await self.predict(images, is_only_request=len(in_flight) <= 1)
        await json_response({"predictions": predictions})(scope, receive, send)

    async def predict(self, images: NDArray[np.uint8], *, is_only_request: bool) -> Probabilities:
        """Return and count the probabilities [n, 10] of images [n, 28, 28], uint8."""
        probabilities = await self._batcher.predict(images, is_only_request=is_only_request)
        self._metrics.observe_predictions(probabilities)
        return probabilities


class ImageEndpoint:
    """One image file to the model's input and its ten probabilities.

    Args:
        predict_endpoint: What predicts.
    """

    def __init__(self, predict_endpoint: PredictEndpoint) -> None:
        self._predict_endpoint = predict_endpoint

    async def predict_file(self, request: Request) -> Response:
        """Respond with ``{"model_input": [28, 28], "probabilities": [10]}``."""
        body = await read_body(request.receive)
        model_input = await anyio.to_thread.run_sync(_to_model_input, body)
        (probabilities,) = await self._predict_endpoint.predict(
            model_input[None], is_only_request=True
        )
        return json_response({"model_input": model_input.tolist(), "probabilities": probabilities})


def _to_model_input(content: bytes) -> NDArray[np.uint8]:
    from crosscloud_mnist.preprocessing import open_image, to_model_input

    try:
        return to_model_input(open_image(content))
    except ImageError as error:
        raise HTTPException(400, f"the image {error}") from error
