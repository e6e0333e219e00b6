"""What Prometheus may know: requests, how long they took, and what was predicted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_CONFIDENCE = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """Counters of one endpoint."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mnist_requests", "Requests", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mnist_request_seconds",
            "Time from the request's head to the answer's end",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._digits = Counter(
            "mnist_predictions", "Pictures by the digit named", ["digit"], registry=self._registry
        )
        self._confidence = Histogram(
            "mnist_confidence",
            "Probability of the digit named",
            buckets=_CONFIDENCE,
            registry=self._registry,
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def predicted(self, answers: NDArray[np.float32]) -> None:
        """Count the digits named in probabilities [n, 10]."""
        for digit, count in enumerate(np.bincount(answers.argmax(axis=1), minlength=10)):
            if count:
                self._digits.labels(str(digit)).inc(float(count))
        for confidence in answers.max(axis=1).tolist():
            self._confidence.observe(confidence)

    def text(self) -> tuple[bytes, str]:
        """Return the figures in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
