"""A real server process with the small bundle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crosscloud_mnist.bundle import Bundle

NAME, VERSION = "mnist_cnn", "7"
Start = Callable[..., tuple[str, subprocess.Popen[str]]]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def start(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a server and return its address and process; all end with the session."""
    processes: list[subprocess.Popen[str]] = []

    def start(
        folder: Path = tiny_bundle.folder, *, token: str | None = None, port: int | None = None
    ) -> tuple[str, subprocess.Popen[str]]:
        port = port or _free_port()
        ready = tmp_path_factory.mktemp("ready") / "ready"
        environment = {k: v for k, v in os.environ.items() if k != "MNIST_ENDPOINT_TOKEN"}
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "crosscloud_mnist.serving", "--bundle", str(folder)),
                *("--name", NAME, "--version", VERSION, "--port", str(port), "--ready", str(ready)),
            ],
            env=environment | ({"MNIST_ENDPOINT_TOKEN": token} if token else {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        until = time.monotonic() + 30
        while not ready.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        return f"http://127.0.0.1:{port}", process

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def server(start: Start) -> str:
    """The address of a server without a token."""
    return start()[0]
