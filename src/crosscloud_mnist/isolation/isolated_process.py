"""An adapter in a process of its own, which holds one workspace's credentials and nothing else.

MLflow and the Databricks SDK take addresses and credentials from environment variables and from
files in the home folder, whatever URI they are given, and a process has one environment. So each
workspace gets a process with a new environment: no variable, profile or ``.netrc`` of this process
can send anything to another workspace. ``worker.py`` is what runs in it.
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
import sys
import threading
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, BinaryIO, cast

from kedro.utils import load_obj

from crosscloud_mnist import errors
from crosscloud_mnist.errors import CrosscloudError, RegistryError
from crosscloud_mnist.isolation.codec import decode, encode
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.reachability import no_proxy_for_loopback
from crosscloud_mnist.redaction import select_secrets, summarize

_INHERITED = re.compile(
    r"PATH|LD_LIBRARY_PATH|LANG|LC_\w+|TZ|TMPDIR|USER|LOGNAME|(?:https?|all|no)_proxy"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|MLFLOW_LOGGING_LEVEL|DO_NOT_TRACK|\w+_DISABLE_TELEMETRY",
    re.IGNORECASE,
)
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
        # Credentials go through the connection: other users see arguments and /proc/<pid>/environ.
        start_message = encode([adapter, config.options, config.variables])
        parent_socket, child_socket = socket.socketpair()
        with child_socket:
            self._child = subprocess.Popen(
                # -P: nothing is imported from the current folder
                [sys.executable, "-P", "-m", f"{__package__}.worker", str(child_socket.fileno())],
                env=_environment(),
                pass_fds=[child_socket.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C interrupts this process only
            )
        self._last_line = ""
        self._stderr_reader = threading.Thread(target=self._log_stderr, daemon=True)
        self._stderr_reader.start()
        self._connection = Connection(parent_socket.detach())
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
                raise _rebuild_error(name, message)
        raise _rebuild_error("RegistryError", f"{self._adapter} sent no result of {method}")

    def end(self) -> None:
        """Close the connection, so that the process exits; kill it if it does not."""
        self._connection.close()
        try:
            self._child.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._stderr_reader.join(_EXIT_SECONDS)

    def _log_stderr(self) -> None:
        """Log what the process writes to its error output, without secrets."""
        with cast("BinaryIO", self._child.stderr) as stderr:
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


def _rebuild_error(name: str, message: str) -> CrosscloudError:
    """Return the package's error of that name: no other class is ever looked up."""
    kind = vars(errors).get(name)
    if isinstance(kind, type) and issubclass(kind, CrosscloudError):
        return kind(message)
    return RegistryError(message)


_processes: dict[tuple[int, bytes], _Process] = {}
_processes_lock = threading.Lock()


def _get_process(adapter: str, config: ProcessConfig) -> _Process:
    """Return the running process of that configuration, or start one.

    The key holds the process id: after a fork, the child must not share the parent's connections.
    """
    identity = repr((adapter, sorted(config.options.items()), sorted(config.variables.items())))
    key = os.getpid(), hashlib.sha256(identity.encode()).digest()
    with _processes_lock:
        if key not in _processes or not _processes[key].is_running():
            _processes[key] = _Process(adapter, config)
        return _processes[key]


@atexit.register
def end_all() -> None:
    """End the processes that this process started."""
    for (pid, _), process in list(_processes.items()):
        if pid == os.getpid():
            process.end()
    _processes.clear()


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return {
        **inherited,
        **no_proxy_for_loopback(inherited),
        "HOME": os.devnull,  # no .databrickscfg, no .netrc, no .aws
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
