"""What one serving process is told: by the command line, and again by each swap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TOKEN = "MNIST_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps the workers' figures


@dataclass(frozen=True)
class Settings:
    """What is served, where, and how.

    Attributes:
        bundle: The bundle's folder.
        name: The registered model, as the routes have it.
        version: Its version.
        host: Address to listen on.
        port: Port to listen on.
        workers: How many processes answer.
        inference_log: Folder of the inference log, if there is to be one.
        sampling_fraction: Of the requests, how many it holds: 0 to 1.
        log_requests: Whether each request gets a line on the standard error.
    """

    bundle: Path
    name: str
    version: str
    host: str = "127.0.0.1"
    port: int = 8501
    workers: int = 1
    inference_log: Path | None = None
    sampling_fraction: float = 0.0
    log_requests: bool = True
