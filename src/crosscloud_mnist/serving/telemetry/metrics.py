"""Prometheus metrics: requests, their duration, and what was predicted.

prometheus_client keeps the values in files that all workers share
(https://prometheus.github.io/client_python/multiprocess/) where the environment names a folder for
them: the metrics are sums over the workers, and survive a worker's restart.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, values
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from crosscloud_mnist.serving.inference.batching import Probabilities
from crosscloud_mnist.serving.settings import METRICS_FOLDER

_DURATION_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_PROBABILITY_BUCKETS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """The metrics of one endpoint.

    Args:
        classes: The names of the model's classes.
        min_probability: Of the predicted class; below it a prediction is unsure.
    """

    def __init__(self, classes: Sequence[str], min_probability: float = 0.0) -> None:
        self._registry = CollectorRegistry()
        if METRICS_FOLDER in os.environ:
            # The default asks the kernel for the process id at each count; no worker is forked.
            process_id = os.getpid()
            values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
                lambda: process_id
            )
        # A histogram's count is the counter: of requests, and of the images of each class.
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the end of the request's head to the end of the response",
            ["route", "status"],
            buckets=_DURATION_BUCKETS,
            registry=self._registry,
        )
        probability = Histogram(
            "mnist_predicted_probability",
            "Probability of the predicted class",
            ["class"],
            buckets=_PROBABILITY_BUCKETS,
            registry=self._registry,
        )
        self._dropped_lines = Counter(
            "mnist_inference_log_dropped_lines",
            "Lines that the inference log dropped",
            registry=self._registry,
        )
        self._unsure = Counter(
            "mnist_unsure_predictions",
            "Predictions whose probability is below the contract's min_probability",
            registry=self._registry,
        )
        self._min_probability = min_probability
        self._get_duration = lru_cache(maxsize=1024)(self._find_duration)
        self._probability = [probability.labels(name) for name in classes]

    def observe_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request and its duration."""
        self._get_duration(route, status).observe(seconds)

    def observe_predictions(self, probabilities: Probabilities) -> None:
        """Count the predicted classes of probabilities [n, classes]."""
        for row in probabilities:
            highest = max(row)
            self._probability[row.index(highest)].observe(highest)
            if highest < self._min_probability:
                self._unsure.inc()

    def count_dropped_lines(self, lines: int) -> None:
        """Count lines that the inference log dropped."""
        if lines:
            self._dropped_lines.inc(lines)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics in Prometheus' text format, and its content type."""
        registry = self._registry
        if METRICS_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _find_duration(self, route: str, status: int) -> Histogram:
        return self._duration.labels(route, str(status))
