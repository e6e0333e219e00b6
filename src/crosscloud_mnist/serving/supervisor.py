"""The parent of the workers: it owns the port, restarts who crashed, and swaps versions.

All of it is uvicorn's process manager (https://uvicorn.dev/deployment/#built-in). The listening
socket is one for all workers, old and new: what waits in its queue when one ends is taken by the
next, so that neither a crash nor a swap refuses a connection.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.http.http_protocol import KEEP_ALIVE_SECONDS, BoundedHttpProtocol
from crosscloud_mnist.serving.settings import Settings
from crosscloud_mnist.serving.worker import create

_START_SECONDS = 30  # also how long a worker may be silent before it counts as hung
_DRAIN_SECONDS = 10
_BACKLOG = 2048

logger = logging.getLogger(__name__)


class Supervisor(Multiprocess):
    """uvicorn's process manager, which tells when all workers answer.

    Args:
        settings: What to serve first.
        listener: The bound socket; a worker listens on it once it has proved its bundle.
        ready: File to make once every worker answers.
        next_: JSON file that is read on SIGHUP: ``bundle`` and ``version`` to swap in, and the
            files ``ready`` and ``failed``, one of which is made when the swap is over.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        *,
        ready: Path | None = None,
        next_: Path | None = None,
    ) -> None:
        super().__init__(_config(settings), [listener])
        self._settings, self._ready, self._next = settings, ready, next_
        self.served = False

    def init_processes(self) -> None:
        """Start the workers and wait until all answer, or end."""
        super().init_processes()
        until = time.monotonic() + _START_SECONDS
        while not self.should_exit.is_set() and time.monotonic() < until:
            if all(process.is_ready(timeout=1) for process in self.processes):
                self.served = True
                if self._ready:
                    self._ready.touch()
                return
            if not all(process.process.is_alive() for process in self.processes):
                break
            self.handle_signals()
            time.sleep(0.02)
        self.should_exit.set()

    def handle_hup(self) -> None:
        """Swap in what ``next_`` names; what fails its proof never answers."""
        if self._next is None or not self.served:
            return
        try:
            asked = json.loads(self._next.read_bytes())
            new = replace(self._settings, bundle=Path(asked["bundle"]), version=asked["version"])
            outcomes = Path(asked["failed"]), Path(asked["ready"])
        except (OSError, ValueError, KeyError, TypeError):
            logger.exception("%s cannot be read; nothing was swapped", self._next)
            return
        outcome = outcomes[self._swap(new)]
        with contextlib.suppress(OSError):  # whoever asked has given up and removed its folder
            outcome.touch()

    def _swap(self, new: Settings) -> bool:
        """Replace each worker by one with the new settings, or leave all as they were."""
        old, self.config = self.config, _config(new)
        self.restart_all()
        if all(process.config is self.config for process in self.processes):
            self._settings = new
            return True
        self.config = old
        if any(process.config is not old for process in self.processes):
            self.restart_all()
        return False


def listen(host: str, port: int) -> socket.socket:
    """Bind the port. It refuses connections until a worker listens on it.

    Raises:
        EndpointError: It belongs to another program, or the host is not this machine's.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise EndpointError(
            f"{host}:{port} cannot be opened ({error.strerror}), expected a free port; stop what "
            "listens there, or set another in the globals"
        ) from error
    return listener


def _config(settings: Settings) -> Config:
    return Config(
        partial(create, settings),
        factory=True,
        http=BoundedHttpProtocol,
        ws="none",
        workers=settings.workers,
        backlog=_BACKLOG,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        timeout_worker_healthcheck=_START_SECONDS,
    )
