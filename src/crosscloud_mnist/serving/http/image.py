"""The endpoint of one image file: few are decoded at the same time, each in a limited time."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.serving.http.body_limits import BodyBudget
from crosscloud_mnist.serving.http.prediction import Predictor
from crosscloud_mnist.serving.http.request import get_media_type, read_body
from crosscloud_mnist.serving.http.responses import json_response

if TYPE_CHECKING:
    from PIL import Image

_MAX_CONCURRENT_DECODES = 1  # each may take the memory of the largest image
_WAIT_SECONDS = 5.0
_DECODE_SECONDS = 10.0

Result = TypeVar("Result")


class ImageEndpoint:
    """One image file to the model's input and its probabilities, or to the steps in between.

    Args:
        predictor: What predicts.
        budget: Limits the bodies of all requests together.
        contract: What the model takes.
    """

    def __init__(self, predictor: Predictor, budget: BodyBudget, contract: Contract) -> None:
        self._predictor, self._budget, self._contract = predictor, budget, contract
        self._executor = ThreadPoolExecutor(_MAX_CONCURRENT_DECODES, "image")
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT_DECODES)

    async def predict_file(self, request: Request) -> Response:
        """Respond with the model's input [*image_shape], and the prediction.

        ``probabilities`` are those of all classes; ``unsure``, whether the highest is below the
        contract's ``min_probability``.
        """
        model_input = await self._read(request, _to_model_input)
        predictions = await self._predictor.predict(model_input[None], is_only_request=True)
        self._predictor.count(predictions)
        (probabilities,) = predictions
        return json_response(
            {
                "model_input": model_input.tolist(),
                "probabilities": probabilities,
                "unsure": self._contract.interpret(probabilities).is_unsure,
            }
        )

    async def trace_file(self, request: Request) -> Response:
        """Respond with ``{"steps": [{"name": ..., "image": "data:image/png;..."}, ...]}``."""
        return json_response({"steps": await self._read(request, _trace_steps)})

    async def _read(self, request: Request, decode: Callable[[bytes, Contract], Result]) -> Result:
        """Return what ``decode`` makes of the request's image file."""
        if not get_media_type(request.scope).startswith("image/"):
            raise HTTPException(415, "the content type is not that of an image; set image/png")
        body = await read_body(request.receive, self._budget)
        try:
            return await self._decode(body, decode)
        finally:
            self._budget.release(len(body))

    async def _decode(
        self, content: bytes | bytearray, decode: Callable[[bytes, Contract], Result]
    ) -> Result:
        try:
            await asyncio.wait_for(self._slots.acquire(), _WAIT_SECONDS)
        except TimeoutError as error:
            raise HTTPException(
                503, "too many images at once; retry", {"retry-after": "1"}
            ) from error
        loop = asyncio.get_running_loop()
        decoding = loop.run_in_executor(self._executor, decode, bytes(content), self._contract)
        decoding.add_done_callback(self._release_slot)  # also after the time limit: it goes on
        try:
            return await asyncio.wait_for(asyncio.shield(decoding), _DECODE_SECONDS)
        except TimeoutError as error:
            message = f"the image took over {_DECODE_SECONDS:.0f} s to decode; send it smaller"
            raise HTTPException(400, message) from error

    def _release_slot(self, decoding: asyncio.Future[Any]) -> None:
        self._slots.release()
        decoding.cancelled() or decoding.exception()  # retrieved here: nothing may wait for it


def _to_model_input(content: bytes, contract: Contract) -> NDArray[np.uint8]:
    """Return the model's input of an image file."""
    from crosscloud_mnist.preprocessing import open_image
    from crosscloud_mnist.preprocessing.preprocessor import get_preprocessor

    with _translate_errors():
        return get_preprocessor(contract)(open_image(content))


def _trace_steps(content: bytes, contract: Contract) -> list[dict[str, str]]:
    """Return the steps from an image file to the model's input, as images."""
    from crosscloud_mnist.preprocessing.steps import trace_steps

    with _translate_errors():
        steps = trace_steps(content, contract)
        return [{"name": name, "image": _to_data_uri(image)} for name, image in steps.items()]


def _to_data_uri(image: Image.Image) -> str:
    content = BytesIO()
    image.save(content, format="png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise what decoding raises as a response.

    Raises:
        HTTPException: 500, this server lacks the contract's preprocessing; or 400, for any other
            error: decoders of hostile files raise errors of many types.
    """
    try:
        yield
    except ConfigurationError as error:
        raise HTTPException(500, str(error)) from error
    except ImageError as error:
        raise HTTPException(400, f"the image {error}") from error
    except Exception as error:
        message = "the image cannot be decoded; save it again as PNG or JPEG"
        raise HTTPException(400, message) from error
