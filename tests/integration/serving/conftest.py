"""A real server process with the small bundle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from crosscloud_mnist.bundle import Bundle, digest_of
from crosscloud_mnist.serving.handshake import EndpointFolder, SwapRequest
from crosscloud_mnist.serving.settings import parse_settings

NAME, VERSION = "mnist_cnn", "7"


@dataclass(frozen=True)
class Server:
    """A serving process.

    Attributes:
        address: ``http://...``, where it answers.
        process: The supervisor.
        log: Its output, and its workers'.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def workers(self) -> list[psutil.Process]:
        """The processes that hold the port beside the supervisor."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


Start = Callable[..., Server]


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that returns a free port."""
    return _free_port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def start(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a server and wait until it is ready or ends; all are stopped with the session."""
    servers: list[Server] = []

    def start(
        folder: Path = tiny_bundle.folder,
        *,
        token: str | None = None,
        port: int | None = None,
        **options: object,
    ) -> Server:
        port = port or _free_port()
        server_folder = EndpointFolder(tmp_path_factory.mktemp("server"))
        server_folder.write(
            server_folder.settings, parse_settings({"name": NAME, "port": port, **options})
        )
        server_folder.write(
            server_folder.request, SwapRequest("a test", VERSION, digest_of(folder), folder)
        )
        environment = {k: v for k, v in os.environ.items() if k != "MNIST_ENDPOINT_TOKEN"}
        with server_folder.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "crosscloud_mnist.serving"),
                    "--settings",
                    server_folder.settings,
                ],
                env=environment | ({} if token is None else {"MNIST_ENDPOINT_TOKEN": token}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        servers.append(Server(f"http://127.0.0.1:{port}", process, server_folder.log))
        until = time.monotonic() + 60
        while process.poll() is None and not (
            (state := server_folder.read_state()) and state.served
        ):
            assert time.monotonic() < until, servers[-1].output
            time.sleep(0.02)
        return servers[-1]

    yield start
    for server in servers:
        server.process.terminate()
    for server in servers:
        try:
            server.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.process.pid, signal.SIGKILL)
            raise


@pytest.fixture(scope="session")
def server(start: Start) -> Server:
    """A server without a token, shared by the tests that do not change it."""
    return start()
