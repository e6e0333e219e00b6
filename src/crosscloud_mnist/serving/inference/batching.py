"""Dynamic batching: requests that wait at the same time are predicted together.

As in TensorFlow Serving
(https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md), but
without a timer: a batch holds the requests that one turn of the event loop has read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = list[list[float]]


@dataclass(frozen=True, slots=True)
class _PendingRequest:
    images: NDArray[np.uint8]
    result: asyncio.Future[Probabilities]


class Batcher:
    """Predicts the images of concurrent requests in batches.

    Args:
        predict: Returns the probabilities [n, classes] of images ``[n, *image_shape]``.
        max_inline_batch: The most images that are predicted in the event loop; a larger request
            goes to a thread.
    """

    def __init__(
        self,
        predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        max_inline_batch: int,
    ) -> None:
        self._predict, self._max_inline_batch = predict, max_inline_batch
        self._pending: deque[_PendingRequest] = deque()
        self._executor = ThreadPoolExecutor(1, "predict")  # one large request bounds the memory

    async def predict(self, images: NDArray[np.uint8], *, is_only_request: bool) -> Probabilities:
        """Return the probabilities [n, classes] of images ``[n, *image_shape]``, uint8.

        Args:
            images: Of one request.
            is_only_request: Whether no other request is in flight; it is not delayed then.
        """
        if is_only_request and len(images) <= self._max_inline_batch:
            return self._predict_rows(images)
        loop = asyncio.get_running_loop()
        if len(images) > self._max_inline_batch:
            return await loop.run_in_executor(self._executor, self._predict_rows, images)
        request = _PendingRequest(images, loop.create_future())
        self._pending.append(request)
        if len(self._pending) == 1:  # after the requests that this turn of the loop still reads
            loop.call_soon(self._run_batch)
        return await request.result

    def _run_batch(self) -> None:
        """Predict one batch; schedule the next one if requests are left."""
        batch = self._take_batch()
        try:
            rows = self._predict_rows(np.concatenate([request.images for request in batch]))
        except Exception:  # noqa: BLE001  one request may be the cause: each gets its own result
            self._run_separately(batch)
        else:
            start = 0
            for request in batch:
                end = start + len(request.images)
                _set_result(request.result, rows[start:end])
                start = end
        if self._pending:
            asyncio.get_running_loop().call_soon(self._run_batch)

    def _take_batch(self) -> list[_PendingRequest]:
        """Remove and return the oldest requests, up to the limit, at least one."""
        batch = [self._pending.popleft()]
        count = len(batch[0].images)
        while self._pending:
            count += len(self._pending[0].images)
            if count > self._max_inline_batch:
                break
            batch.append(self._pending.popleft())
        return batch

    def _run_separately(self, batch: list[_PendingRequest]) -> None:
        for request in batch:
            try:
                _set_result(request.result, self._predict_rows(request.images))
            except Exception as error:  # noqa: BLE001  it is raised where the request waits
                if not request.result.done():
                    request.result.set_exception(error)

    def _predict_rows(self, images: NDArray[np.uint8]) -> Probabilities:
        rows: Probabilities = self._predict(images).tolist()
        return rows


def _set_result(future: asyncio.Future[Probabilities], rows: Probabilities) -> None:
    if not future.done():  # its request may be cancelled
        future.set_result(rows)
