"""Requests that wait at the same time are answered together, as TensorFlow Serving batches them.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md. No timer: a
request waits for none that has not come.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

Rows = list[list[float]]


@dataclass
class _Asked:
    images: NDArray[np.uint8]
    rows: Rows | None = None
    taken: bool = False


class Batcher:
    """Puts the images of waiting requests together.

    Args:
        predict: Gives the probabilities [n, 10] of images [n, 28, 28].
        most: Images that may be answered in the event loop; more go to a thread.
    """

    def __init__(
        self, predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]], most: int
    ) -> None:
        self._predict, self._most = predict, most
        self._waiting: deque[_Asked] = deque()

    async def answer(self, images: NDArray[np.uint8], *, alone: bool) -> Rows:
        """Return the probabilities [n, 10] of images [n, 28, 28], uint8.

        Args:
            images: Of one request.
            alone: Whether no other request is there to be answered with it.
        """
        if len(images) > self._most:
            return await anyio.to_thread.run_sync(self._rows, images)
        if alone:
            return self._rows(images)
        mine = _Asked(images)
        self._waiting.append(mine)
        await asyncio.sleep(0)  # those that are read already come to wait too
        while not mine.taken:
            with contextlib.suppress(Exception):  # then each of them asks alone, and finds his own
                self._answer_first()
        return self._rows(images) if mine.rows is None else mine.rows

    def _answer_first(self) -> None:
        """Answer who waits longest, and with him as many as may be at once."""
        together, count = [], 0
        while self._waiting and (not count or count + len(self._waiting[0].images) <= self._most):
            together.append(self._waiting.popleft())
            together[-1].taken = True
            count += len(together[-1].images)
        rows = self._rows(np.concatenate([asked.images for asked in together]))
        for asked in together:
            asked.rows, rows = rows[: len(asked.images)], rows[len(asked.images) :]

    def _rows(self, images: NDArray[np.uint8]) -> Rows:
        rows: Rows = self._predict(images).tolist()
        return rows
