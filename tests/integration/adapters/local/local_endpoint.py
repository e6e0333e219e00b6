"""What the tests of the local endpoint share."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import psutil

from crosscloud_mnist.adapters.local import LocalEndpoint
from crosscloud_mnist.ports import ModelVersion

NAME = "mnist_cnn"


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of the host on which nothing listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        port: int = probe.getsockname()[1]
        return port


def find_supervisors(folder: Path) -> list[psutil.Process]:
    """Return every process that was started with the folder's settings."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder / "settings.json") in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def version(bundle, number: str = "1") -> ModelVersion:
    """Return the bundle's version under a number."""
    return ModelVersion(NAME, number, bundle.digest)


def get_health(endpoint: LocalEndpoint) -> int:
    """Return the status code of ``GET /health``."""
    return httpx.get(f"http://{endpoint._settings.address}/health", trust_env=False).status_code
