"""Starts the processes of workspaces, forked where the system can do that safely.

On Linux, a fork server (``fork_server.py``) imports MLflow once for all of them. macOS has system
libraries that fail in a forked child: there each process imports MLflow itself.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from crosscloud_mnist.isolation.clean_environment import clean_environment
from crosscloud_mnist.isolation.fork_client import ForkServer

PLATFORM = sys.platform


class WorkerProcess(Protocol):
    """A running process, as ``subprocess.Popen`` has it.

    Attributes:
        returncode: The exit status, once the process has ended and ``poll`` or ``wait`` saw that.
    """

    returncode: int | None

    def poll(self) -> int | None:
        """Return the exit status; ``None`` while the process runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            subprocess.TimeoutExpired: It did not end within so many seconds.
        """

    def kill(self) -> None:
        """End the process at once."""


def start_worker(descriptors: Sequence[int], error_output: int) -> WorkerProcess:
    """Start a process that runs ``worker.py``.

    Args:
        descriptors: Its ends of the connections, for calls and for authorizations.
        error_output: Where it writes its error output.
    """
    if server := get_server():
        return server.start([*descriptors, error_output])
    return _start_module("worker", descriptors, clean_environment(), stderr=error_output)


_servers: dict[int, ForkServer] = {}  # of this process, by its id: a fork must not share it
_servers_lock = threading.Lock()


def get_server() -> ForkServer | None:
    """Return the running fork server, or start one; ``None`` where nothing is forked.

    A changed environment takes another server: the earlier one ends after its processes.
    """
    if PLATFORM != "linux":
        return None
    environment = clean_environment()
    with _servers_lock:
        server = _servers.get(os.getpid())
        if server and server.environment == environment and server.poll() is None:
            return server
        if server:
            server.retire()
        _servers[os.getpid()] = ForkServer(_start_module, environment)
        return _servers[os.getpid()]


@atexit.register
def end_server() -> None:
    """End the server, if there is one; what it forked stays."""
    with _servers_lock:
        if server := _servers.pop(os.getpid(), None):
            server.end()


def _start_module(
    module: str,
    descriptors: Sequence[int],
    environment: Mapping[str, str],
    *arguments: str,
    stderr: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: nothing is imported from the current folder
        [sys.executable, "-P", "-m", f"{__package__}.{module}", *map(str, descriptors), *arguments],
        env=environment,
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C interrupts this process only
    )
