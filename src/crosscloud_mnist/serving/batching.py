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
    pictures: NDArray[np.uint8]
    rows: Rows | None = None
    taken: bool = False


class Batcher:
    """Puts the pictures of waiting requests together.

    Args:
        predict: Gives the probabilities [n, 10] of pictures [n, 28, 28].
        most: Pictures that may be answered in the event loop; more go to a thread.
    """

    def __init__(
        self, predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]], most: int
    ) -> None:
        self._predict, self._most = predict, most
        self._waiting: deque[_Asked] = deque()

    async def answer(self, pictures: NDArray[np.uint8], *, alone: bool) -> Rows:
        """Return the probabilities [n, 10] of pictures [n, 28, 28], uint8.

        Args:
            pictures: Of one request.
            alone: Whether no other request is there to be answered with it.
        """
        if len(pictures) > self._most:
            return await anyio.to_thread.run_sync(self._rows, pictures)
        if alone:
            return self._rows(pictures)
        mine = _Asked(pictures)
        self._waiting.append(mine)
        await asyncio.sleep(0)  # those that are read already come to wait too
        while not mine.taken:
            with contextlib.suppress(Exception):  # then each of them asks alone, and finds his own
                self._answer_first()
        return self._rows(pictures) if mine.rows is None else mine.rows

    def _answer_first(self) -> None:
        """Answer who waits longest, and with him as many as may be at once."""
        together, count = [], 0
        while self._waiting and (not count or count + len(self._waiting[0].pictures) <= self._most):
            together.append(self._waiting.popleft())
            together[-1].taken = True
            count += len(together[-1].pictures)
        rows = self._rows(np.concatenate([asked.pictures for asked in together]))
        for asked in together:
            asked.rows, rows = rows[: len(asked.pictures)], rows[len(asked.pictures) :]

    def _rows(self, pictures: NDArray[np.uint8]) -> Rows:
        rows: Rows = self._predict(pictures).tolist()
        return rows
