"""Starts and ends the processes of workspaces, forked where the system can do that safely.

On Linux, a fork server (``fork_server.py``) imports MLflow once for all of them. macOS has system
libraries that fail in a forked child, and no ``pidfd``: there each process imports MLflow itself.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from crosscloud_mnist.isolation.clean_environment import clean_environment
from crosscloud_mnist.isolation.fork_protocol import MAX_REQUEST_BYTES, RUNNING, START, STATUS

_LIBRARY = "mlflow"  # which every adapter of a workspace needs
# What these pipelines do first is to call a workspace.
_CALLS_FIRST = {"deploy", "history", "register_remote", "release", "rollback"}
_NAMES = re.compile(r"--pipelines[= ]([\w,]+)")


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
    if _can_fork():
        return _get_server().start([*descriptors, error_output])
    return _run("worker", descriptors, clean_environment(), stderr=error_output)


def prepare_processes(arguments: Sequence[str]) -> None:
    """Let the libraries of the processes load while Kedro, its plugins and the pipelines do.

    Args:
        arguments: Of the command; nothing happens unless they name a pipeline that calls a
            workspace at once.
    """
    names = _NAMES.search(" ".join(arguments))
    if names and _CALLS_FIRST.intersection(names[1].split(",")) and _can_fork():
        _get_server()


def end_server() -> None:
    """End the server that forks, if there is one; what it forked stays."""
    with _servers_lock:
        if server := _servers.pop(os.getpid(), None):
            server.end()


def _can_fork() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))  # Linux 5.3 and later, unless a sandbox forbids it
    except (AttributeError, OSError):
        return False
    return True


def _run(
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


class _ForkServer:
    """The running fork server, and the connection to it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._lock = threading.RLock()
        self._unanswered: deque[_ForkedProcess] = deque()  # it imports first, and answers then
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with control:
            self._process = _run("fork_server", [control.fileno()], environment, _LIBRARY)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def start(self, descriptors: Sequence[int]) -> _ForkedProcess:
        process = _ForkedProcess(self)
        with self._lock:
            with contextlib.suppress(OSError):  # it has ended: the worker's connections close, too
                socket.send_fds(self._control, [START], descriptors)
            self._unanswered.append(process)
        return process

    def receive_pid(self, process: _ForkedProcess, *, wait: bool) -> None:
        """Receive the ids of the processes up to that one; without waiting, those there are."""
        with self._lock, contextlib.suppress(BlockingIOError):
            while process in self._unanswered:
                response = self._receive(0 if wait else socket.MSG_DONTWAIT)
                self._unanswered.popleft().begin(int(response) if response else None)

    def status(self, pid: int) -> int | None:
        """Return the exit status of an ended process; ``None`` while it runs.

        That of the server stands for one that it can no longer ask for.
        """
        with self._lock:
            if self._unanswered:
                self.receive_pid(self._unanswered[-1], wait=True)
            with contextlib.suppress(OSError):
                self._control.send(b"%s %d" % (STATUS, pid))
                if response := self._receive(0):
                    return None if response == RUNNING else int(response)
            return self.returncode()

    def returncode(self) -> int:
        return self._process.wait()

    def end(self) -> None:
        """End the server; its children stay."""
        self._process.terminate()
        self._process.wait()
        self._control.close()

    def _receive(self, flags: int) -> bytes:
        try:
            return self._control.recv(MAX_REQUEST_BYTES, flags)
        except ConnectionError:
            return b""


class _ForkedProcess:
    """A child of the fork server; see ``WorkerProcess``."""

    def __init__(self, server: _ForkServer) -> None:
        self.returncode: int | None = None
        self._server = server
        self._pid = self._pidfd = -1

    @property
    def pid(self) -> int:
        self._server.receive_pid(self, wait=True)
        return self._pid

    def begin(self, pid: int | None) -> None:
        """Take the process id; ``None`` where the server ended before it forked."""
        if pid is None:
            self.returncode = self._server.returncode()
            return
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)  # it stays this process, also where the id is used again

    def poll(self) -> int | None:
        self._server.receive_pid(self, wait=False)
        return self._poll(0) if self._pidfd >= 0 else self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._server.receive_pid(self, wait=True)
        if self._pidfd >= 0:
            self._poll(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(f"process {self._pid}", timeout or 0)
        return self.returncode

    def kill(self) -> None:
        self._server.receive_pid(self, wait=True)
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _poll(self, timeout: float | None) -> int | None:
        ended, _, _ = select.select([self._pidfd], [], [], timeout)
        if ended:
            self.returncode = self._server.status(self._pid)
            os.close(self._pidfd)
            self._pidfd = -1
        return self.returncode


_servers: dict[int, _ForkServer] = {}  # of this process, by its id: a fork must not share it
_servers_lock = threading.Lock()


def _get_server() -> _ForkServer:
    """Return the running fork server, or start one where the environment is another."""
    environment = clean_environment()
    with _servers_lock:
        server = _servers.get(os.getpid())
        if server is None or server.environment != environment or not server.is_running():
            server = _servers[os.getpid()] = _ForkServer(environment)
        return server
