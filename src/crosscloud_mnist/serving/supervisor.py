"""The parent of the workers: it owns the port, restarts crashed workers and swaps versions.

It is uvicorn's process manager (https://uvicorn.dev/deployment/#built-in). All workers, old and
new, listen on one socket: a connection that waits in its queue when a worker ends is taken by the
next one, so neither a crash nor a swap refuses a connection.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import socket
import time
from functools import partial

import psutil
from msgspec.structs import replace
from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from crosscloud_mnist.errors import CrosscloudError, EndpointError
from crosscloud_mnist.serving.handshake import EndpointFolder, SupervisorState, SwapRequest
from crosscloud_mnist.serving.http.http_protocol import KEEP_ALIVE_SECONDS, BoundedHttpProtocol
from crosscloud_mnist.serving.log_rotation import rotate_in_place
from crosscloud_mnist.serving.settings import ServingSettings
from crosscloud_mnist.serving.worker import create

_START_SECONDS = 30  # also how long a worker may be silent before it counts as hung
_DRAIN_SECONDS = 10
_BACKLOG = 2048


class Supervisor(Multiprocess):
    """Serves what ``request.json`` names, and reports in ``endpoint.json``: see ``handshake``.

    Args:
        settings: Where and how to serve.
        folder: Where the request is read and the state is written.

    Raises:
        EndpointError: The request cannot be read, or the port cannot be opened.
    """

    def __init__(self, settings: ServingSettings, folder: EndpointFolder) -> None:
        self._request = folder.read_request()
        self._failures, self._failure_sender = multiprocessing.Pipe(duplex=False)
        self._settings, self._folder = settings, folder
        process = psutil.Process()
        self._state = SupervisorState(process.pid, process.create_time(), folder.path, settings)
        try:
            listener = listen(settings)
        except EndpointError as error:
            self._report(self._request, str(error))
            raise
        super().__init__(self._config_for(self._request), [listener])
        self._report()  # not before: only now is SIGHUP handled

    def run(self) -> None:
        """Serve until SIGTERM.

        Raises:
            EndpointError: A worker could not start: of the first version, or after a crash.
        """
        try:
            super().run()
        except BaseException:
            for process in self.processes:
                process.kill()
            raise
        if self._state.served is None and self._state.error:
            raise EndpointError(self._state.error)
        if self._failures.poll():  # in place of a worker that crashed
            raise EndpointError(self._last_failure())

    def init_processes(self) -> None:
        """Start the workers and wait until all of them answer or one fails."""
        super().init_processes()
        until = time.monotonic() + _START_SECONDS
        while not self._is_ended_by_signal() and time.monotonic() < until:
            if all(process.is_ready(timeout=1) for process in self.processes):
                self._report(self._request)
                return
            if not all(process.process.is_alive() for process in self.processes):
                break
            time.sleep(0.02)
        self._report(self._request, self._last_failure())
        self.should_exit.set()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended, and keep the log below its size; called twice a second."""
        super().keep_subprocess_alive()
        rotate_in_place(self._folder.log)

    def handle_hup(self) -> None:
        """Swap in the version that ``request.json`` names; the old one stays where that fails."""
        try:
            request = self._folder.read_request()
        except CrosscloudError as error:
            self._report_unreadable_request(str(error))
            return
        served = self._state.served
        if served and replace(served, request_id=request.request_id) == request:
            self._report(request)
        elif self._swap(request):
            self._request = request
            self._report(request)
        else:
            self._report(request, self._last_failure())

    def _swap(self, request: SwapRequest) -> bool:
        """Replace each worker by one with the new version, or leave all as they were."""
        old, self.config = self.config, self._config_for(request)
        # uvicorn's restart_all stops at the first new worker that fails: the others would fail in
        # the same way. It keeps no list of what it replaced, but each worker keeps the very config
        # object that it was started with, so identity tells new workers from old ones.
        self.restart_all()
        if all(process.config is self.config for process in self.processes):
            return True
        self.config = old
        if any(process.config is not old for process in self.processes):
            self.restart_all()
        return False

    def _is_ended_by_signal(self) -> bool:
        """Whether SIGTERM or SIGINT arrived; SIGHUP is handled once the workers have started."""
        return bool({signal.SIGTERM, signal.SIGINT} & set(self.signal_queue))

    def _last_failure(self) -> str:
        """Return what a worker reported of its failure."""
        message = f"its workers did not answer within {_START_SECONDS} s"
        while self._failures.poll():
            message = self._failures.recv()
        return message

    def _report(self, request: SwapRequest | None = None, error: str | None = None) -> None:
        """Write the state; with a request, as carried out or as failed with the error."""
        if request:
            served = self._state.served if error else request
            self._state = replace(
                self._state, served=served, request_id=request.request_id, error=error
            )
        self._write_state()

    def _report_unreadable_request(self, error: str) -> None:
        """Write the state: a request that could not be read has no id to be named by."""
        self._state = replace(
            self._state,
            request_id=None,
            error=error,
            unreadable_requests=self._state.unreadable_requests + 1,
        )
        self._write_state()

    def _write_state(self) -> None:
        with contextlib.suppress(OSError):  # the folder may be gone; what is served stays up
            self._folder.write(self._folder.state, self._state)

    def _config_for(self, request: SwapRequest) -> Config:
        return Config(
            partial(create, self._settings, request, self._failure_sender),
            factory=True,
            http=BoundedHttpProtocol,
            ws="none",
            workers=self._settings.workers,
            backlog=_BACKLOG,
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            timeout_worker_healthcheck=_START_SECONDS,
        )


def listen(settings: ServingSettings) -> socket.socket:
    """Bind the port, which takes no connections until a worker has verified its bundle.

    Raises:
        EndpointError: It belongs to another program, or the host is not this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise EndpointError(
            f"{settings.address} cannot be opened ({error.strerror}), expected a free port of this "
            "machine; stop the program that listens there, or set another in the globals"
        ) from error
    return listener
