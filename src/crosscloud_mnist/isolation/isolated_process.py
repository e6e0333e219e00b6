"""An adapter in a process of its own, which holds one workspace's credentials and nothing else.

MLflow and the Databricks SDK take addresses and credentials from environment variables and from
files in the home folder, whatever URI they are given, and a process has one environment. So each
workspace gets a process with a new environment: no variable, profile or ``.netrc`` of this process
can send anything to another workspace. ``worker.py`` is what runs in it, ``worker_process.py``
starts it.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import logging
import os
import re
import socket
import subprocess
import threading
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, BinaryIO

from kedro.utils import load_obj

from crosscloud_mnist.errors import RegistryError, rebuild_error
from crosscloud_mnist.isolation.authorization import serve_authorization
from crosscloud_mnist.isolation.codec import decode, encode
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.isolation.worker_process import end_server, start_worker
from crosscloud_mnist.redaction import select_secrets, summarize

_SEVERE = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")  # a level, as loggers write it
_PROGRESS = re.compile(r"INFO crosscloud_mnist[\w.]*: (.*)")  # of the adapter itself
_EXIT_SECONDS = 5
_MAX_RESPONSE_BYTES = 256 * 2**20
_MAX_LINE_BYTES = 2**16

logger = logging.getLogger(__name__)


class IsolatedAdapter:
    """Has the adapter's public methods; each call runs in the adapter's own process.

    Arguments and results are plain values, paths, arrays and the ports' dataclasses (``codec.py``);
    an error of the adapter is raised here under its own name. Adapters with the same configuration
    share a process, which ends when this one ends, even if this one is killed.

    Args:
        adapter: Dotted path of the adapter's class, which has a static method ``process_config``.
        options: Keyword arguments, as the catalog has them.
        credentials: Environment variables: ``MLFLOW_TRACKING_USERNAME``, ``DATABRICKS_TOKEN``, ...

    Raises:
        ConfigurationError: The credentials are not valid.
    """

    def __init__(
        self, adapter: str, options: Mapping[str, object], credentials: Mapping[str, object]
    ) -> None:
        config = load_obj(adapter).process_config(options, credentials)
        self._process = _get_process(adapter, config)

    def __getattr__(self, name: str) -> Any:
        """Return a method of the adapter."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._process.call, name)


class _Process:
    """A running worker process and the connection to it."""

    def __init__(self, adapter: str, config: ProcessConfig) -> None:
        self._adapter, self._secrets = adapter, select_secrets(config.variables)
        self._lock = threading.Lock()
        requests = config.requests
        # Credentials go through the connection: other users see arguments and /proc/<pid>/environ.
        headers = requests and [requests.address, requests.fixed, requests.sign_in is not None]
        start_message = encode([adapter, config.options, config.variables, headers])
        parent_socket, child_socket = socket.socketpair()
        authorization_socket, child_authorization_socket = socket.socketpair()
        descriptor, child_descriptor = os.pipe()
        error_output = os.fdopen(descriptor, "rb")
        with child_socket, child_authorization_socket, os.fdopen(child_descriptor, "wb"):
            descriptors = [child_socket.fileno(), child_authorization_socket.fileno()]
            self._child = start_worker(descriptors, child_descriptor)
        self._last_line = ""
        self._stderr_reader = threading.Thread(
            target=self._log_stderr, args=[error_output], daemon=True
        )
        self._stderr_reader.start()
        self._connection = Connection(parent_socket.detach())
        with authorization_socket:
            if requests and requests.sign_in:
                connection = Connection(authorization_socket.detach())
                arguments = [connection, requests.sign_in]
                threading.Thread(target=serve_authorization, args=arguments, daemon=True).start()
        with contextlib.suppress(OSError):  # it ended at once: the first call reports that
            self._connection.send_bytes(start_message)

    def is_running(self) -> bool:
        return self._child.poll() is None

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        request = encode([method, arguments, options])
        with self._lock:
            try:
                self._connection.send_bytes(request)
                response = decode(self._connection.recv_bytes(_MAX_RESPONSE_BYTES))
            except (EOFError, OSError, ValueError) as failure:
                self.end()
                raise RegistryError(
                    f"the process of {self._adapter} ended during {method} (status "
                    f"{self._child.returncode}{self._describe_last_line()}), expected a result; "
                    "run the same command again"
                ) from failure
            except BaseException:  # interrupted: the next call would read this call's result
                self.end()
                raise
        match response:
            case [result]:
                return result
            case [str(name), str(message)]:
                raise rebuild_error(name, message)
        raise rebuild_error("RegistryError", f"{self._adapter} sent no result of {method}")

    def close(self) -> None:
        """Close the connection, so that the process exits."""
        self._connection.close()

    def end(self) -> None:
        """Close the connection, and kill the process if it does not exit."""
        self.close()
        try:
            self._child.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._stderr_reader.join(_EXIT_SECONDS)

    def _log_stderr(self, stderr: BinaryIO) -> None:
        """Log what the process writes to its error output, without secrets."""
        with stderr:
            while line := stderr.readline(_MAX_LINE_BYTES):
                text = summarize(line.decode(errors="replace"), self._secrets)
                if progress := _PROGRESS.fullmatch(text):
                    logger.info("%s", progress[1])
                elif text:
                    self._last_line = text
                    level = logging.WARNING if _SEVERE.search(text) else logging.DEBUG
                    logger.log(level, "%s: %s", self._adapter, text)

    def _describe_last_line(self) -> str:
        return f"; it wrote: {self._last_line}" if self._last_line else ""


_processes: dict[tuple[int, bytes], _Process] = {}
_processes_lock = threading.Lock()


def _get_process(adapter: str, config: ProcessConfig) -> _Process:
    """Return the running process of that configuration, or start one.

    The key holds the process id: after a fork, the child must not share the parent's connections.
    """
    requests = config.requests.identity() if config.requests else ""
    values = sorted(config.options.items()), sorted(config.variables.items())
    identity = repr((adapter, *values, requests))
    key = os.getpid(), hashlib.sha256(identity.encode()).digest()
    with _processes_lock:
        if key not in _processes or not _processes[key].is_running():
            _processes[key] = _Process(adapter, config)
        return _processes[key]


@atexit.register
def end_all() -> None:
    """End the processes that this process started."""
    own = [process for (pid, _), process in _processes.items() if pid == os.getpid()]
    for process in own:
        process.close()  # all exit at the same time
    end_server()
    for process in own:
        process.end()
    _processes.clear()
