"""What Prometheus may know: requests, how long they took, and what was predicted.

The figures add up over all workers, and outlive each of them: prometheus_client keeps them in files
that the workers share (https://prometheus.github.io/client_python/multiprocess/) where the
environment names a folder for them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from crosscloud_mnist.serving.settings import METRICS_FOLDER

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_CONFIDENCE = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """Counters of one endpoint."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        # The count of a histogram is a counter: of requests, and of the images of each digit.
        self._seconds = Histogram(
            "mnist_request_seconds",
            "Time from the request's head to the answer's end",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._confidence = Histogram(
            "mnist_confidence",
            "Probability of the digit named",
            ["digit"],
            buckets=_CONFIDENCE,
            registry=self._registry,
        )
        self._dropped = Counter(
            "mnist_inference_log_dropped",
            "Lines that the inference log lost",
            registry=self._registry,
        )
        self._of_request = lru_cache(maxsize=1024)(self._find)
        self._of_digit = [self._confidence.labels(str(digit)) for digit in range(10)]

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._of_request(route, status).observe(seconds)

    def predicted(self, answers: Sequence[Sequence[float]]) -> None:
        """Count the digits named in probabilities [n, 10]."""
        for row in answers:
            confidence = max(row)
            self._of_digit[row.index(confidence)].observe(confidence)

    def dropped(self, lines: int) -> None:
        """Count lines that the inference log lost."""
        if lines:
            self._dropped.inc(lines)

    def text(self) -> tuple[bytes, str]:
        """Return the figures in Prometheus' text format, and its content type."""
        registry = self._registry
        if METRICS_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _find(self, route: str, status: int) -> Histogram:
        return self._seconds.labels(route, str(status))
