"""The report of ``monitor``, as JSON."""

from __future__ import annotations

from typing import TypedDict

from crosscloud_mnist.monitoring import Drift


class LogCounts(TypedDict):
    """What the log held.

    Attributes:
        requests: Rows of the log.
        rejected: Requests of another status than 200.
        unreadable: Answered requests without images or probabilities.
        images: Images that were counted.
        other_models: Requests that another model answered.
        served_entity: The model's served entity.
    """

    requests: int
    rejected: int
    unreadable: int
    images: int
    other_models: int
    served_entity: str | None


class MonitorReport(TypedDict):
    """How far the log is from what the version was trained for.

    Attributes:
        model_name: The registered model.
        model_version: The version in production.
        digest: SHA-256 of its bundle, hexadecimal.
        log: What the log held.
        conclusive: Whether the log held enough images for a verdict; without one, nothing was
            compared.
        passed: Whether there is a verdict, and no statistic drifted.
        inputs: The drift of the images' statistics, the largest first.
        predictions: The drift of the predictions', the largest first.
    """

    model_name: str
    model_version: str
    digest: str
    log: LogCounts
    conclusive: bool
    passed: bool
    inputs: list[Drift]
    predictions: list[Drift]
