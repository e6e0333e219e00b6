"""A steady load of calls, as clients would make, with what failed and how long each took."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.client import FailoverClient
from crosscloud_mnist.errors import CrosscloudError

HEADER = f"{'step':36} calls  failed  retries  failovers    p50 ms    p99 ms"
_THREADS = 8
_PAUSE_SECONDS = 0.01  # between a thread's calls: a steady load, not the maximum


@dataclass
class Load:
    """A steady load of calls from several threads.

    Attributes:
        client: The client that calls.
        images: [n, 28, 28], uint8; one is sent with each call.
        expected: [n, 10], float32: the expected probabilities of each.
        milliseconds: How long each call took.
        failures: Errors of calls, and wrong predictions.
    """

    client: FailoverClient
    images: NDArray[np.uint8]
    expected: NDArray[np.float32]
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self, threads: int = _THREADS) -> Iterator[None]:
        """Call until the end of the block; calls in progress are completed."""
        stopped = threading.Event()
        workers = [threading.Thread(target=self._call, args=(stopped,)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            stopped.set()
            for worker in workers:
                worker.join()

    def _call(self, stopped: threading.Event) -> None:
        index = 0
        while not stopped.is_set():
            index = (index + 1) % len(self.images)
            start = time.perf_counter()
            try:
                probabilities = self.client.predict(self.images[index : index + 1])[0]
                if not np.allclose(probabilities, self.expected[index], atol=1e-4):
                    self.failures.append(f"image {index}: predicted {probabilities.argmax()}")
            except CrosscloudError as error:
                self.failures.append(str(error))
            self.milliseconds.append((time.perf_counter() - start) * 1000)
            time.sleep(_PAUSE_SECONDS)

    def run_step(self, title: str, seconds: float) -> str:
        """Keep up the load for a while; return the step's calls and all counts as a table row."""
        time.sleep(seconds)
        calls, self.milliseconds = self.milliseconds, []
        counts = self.client.counts
        median, tail = np.percentile(calls, [50, 99])
        return (
            f"{title:36} {len(calls):5}  {len(self.failures):6}  {counts.retries:7}  "
            f"{counts.failovers:9}  {median:8.1f}  {tail:8.1f}"
        )
