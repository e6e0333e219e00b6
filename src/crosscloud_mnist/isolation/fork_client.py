"""The fork server as the process sees it that starts it, and the processes that it forks."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence

_LIBRARY = "mlflow"  # which every adapter of a workspace needs
_EXIT_SECONDS = 0.2  # that the server is given; it takes longer only while it imports

StartModule = Callable[..., "subprocess.Popen[bytes]"]


class ForkServer:
    """A running fork server.

    Args:
        start_module: Starts a module of this package as a process.
        environment: Of the server and of the processes that it forks.
    """

    def __init__(self, start_module: StartModule, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with control:
            self._process = start_module("fork_server", [control.fileno()], environment, _LIBRARY)

    def poll(self) -> int | None:
        """Return the exit status; ``None`` while it runs."""
        return self._process.poll()

    def exit_status(self) -> int:
        """Return the exit status; 1 if it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_EXIT_SECONDS)
        return 1

    def start(self, descriptors: Sequence[int]) -> ForkedProcess:
        """Let it fork a process, once it has imported its library.

        Args:
            descriptors: Of the worker: its two connections, and its error output.
        """
        report, child_report = os.pipe()
        process = ForkedProcess(self, report)
        # It has ended, or has no room: the worker's descriptors are closed here, as those of a
        # process that has ended.
        with os.fdopen(child_report, "wb"), contextlib.suppress(OSError):
            socket.send_fds(self._control, [b"+"], [*descriptors, child_report])
        return process

    def retire(self) -> None:
        """Let it end after the last process that it forked."""
        self._control.close()

    def end(self) -> None:
        """End it; the processes that it forked stay."""
        self.retire()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ForkedProcess:
    """A process that the server forks: see ``worker_process.WorkerProcess``.

    Args:
        server: Which forks it.
        report: A pipe: the process id and the exit status, each on a line. It closes when the
            process has ended, also where the server ended before.
    """

    def __init__(self, server: ForkServer, report: int) -> None:
        self.returncode: int | None = None
        self._server = server
        self._report = report
        self._text = b""
        self._lock = threading.Lock()
        # Not before: another thread may wait for it; nor at the exit, where processes are ended.
        weakref.finalize(self, os.close, report).atexit = False

    def poll(self) -> int | None:
        """Return the exit status; ``None`` while the process runs, or is not forked yet."""
        while self.returncode is None and self._read(0):
            pass
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            subprocess.TimeoutExpired: It did not end within so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            remaining = None if until is None else max(0.0, until - time.monotonic())
            if not self._read(remaining) and self.returncode is None:
                raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return self.returncode

    def kill(self) -> None:
        """End the process at once; where it is not forked yet, the server, which hangs."""
        self.poll()
        if self.returncode is not None:
            return
        if pid := self._forked_pid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            self._server.end()

    def _forked_pid(self) -> int:
        """Return the process id; 0 where it is not forked yet, or never was."""
        lines = self._text.split(b"\n")
        return int(lines[0]) if len(lines) > 1 else 0

    def _read(self, timeout: float | None) -> bool:
        """Wait so many seconds for something to read; return whether there was anything."""
        events = select.poll()
        events.register(self._report, select.POLLIN)
        if not events.poll(None if timeout is None else timeout * 1000):
            return False
        with self._lock:
            if self.returncode is None and events.poll(0):
                content = os.read(self._report, 64)
                self._text += content
                lines = self._text.split(b"\n")
                if len(lines) > 2:
                    self.returncode = int(lines[1])
                elif not content:  # the server ended before it, and so did not say
                    self.returncode = self._server.exit_status()
        return True
