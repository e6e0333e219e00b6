"""An adapter in a process of its own, which holds one workspace's credentials and nothing else.

MLflow and the Databricks SDK take addresses and credentials from environment variables and from
files in the home folder, whatever URI they are given, and one process has one environment. So each
workspace gets a process whose environment is built from nothing: no variable, profile or
``.netrc`` of this one can send anything to another workspace. ``isolated.py`` is what runs in it.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from kedro.utils import load_obj

from crosscloud_mnist.errors import RegistryError

_PASSED_ON = re.compile(
    r"PATH|LD_LIBRARY_PATH|LANG|LC_\w+|TZ|TMPDIR|USER|LOGNAME|(?:https?|all|no)_proxy"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE",
    re.IGNORECASE,
)
_END_SECONDS = 5

logger = logging.getLogger(__name__)


class ProcessProxy:
    """Looks like the adapter; every public method is called in the adapter's own process.

    Arguments and answers are pickled, and what the adapter raises is raised here. Adapters of one
    workspace share a process; it ends with this one, however this one ends.

    Args:
        adapter: Dotted path of the adapter's class. Its static method ``access(options,
            credentials)`` is called here, and returns what its process is given: the constructor's
            keyword arguments, and environment variables.
        options: Keyword arguments of the constructor.
        credentials: Environment variables: ``MLFLOW_TRACKING_USERNAME``, ``DATABRICKS_TOKEN``, ...

    Raises:
        ConfigurationError: The credentials cannot be used.
    """

    def __init__(
        self, adapter: str, options: Mapping[str, Any], credentials: Mapping[str, Any]
    ) -> None:
        self._process = _process(adapter, *load_obj(adapter).access(options, credentials))

    def __getattr__(self, name: str) -> Any:
        """Return a method of the adapter."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._process.call, name)


class _Process:
    """The other end of ``isolated.py``."""

    def __init__(
        self, adapter: str, options: Mapping[str, Any], variables: Mapping[str, str]
    ) -> None:
        self._adapter = adapter
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                # -P: what lies in the current folder is not imported
                [sys.executable, "-P", "-m", f"{__package__}.worker", str(theirs.fileno())],
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt is this process's to answer
            )
        self._connection = Connection(ours.detach())
        # Credentials take this way: arguments and /proc/<pid>/environ are for others to see.
        self._connection.send((adapter, dict(options), dict(variables)))

    def runs(self) -> bool:
        return self._child.poll() is None

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        asked = pickle.dumps((name, arguments, options))
        with self._lock:
            try:
                self._connection.send_bytes(asked)
                answer, error = self._connection.recv()
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                self.end()
                raise RegistryError(
                    f"the process of {self._adapter} ended during {name} (status "
                    f"{self._child.returncode}), expected its answer; run the same command again"
                ) from error
            except BaseException:  # interrupted: its answer would be taken for the next call's
                self.end()
                raise
        if error is not None:
            raise error
        return answer

    def end(self) -> None:
        """Close the connection, which the process takes as its end."""
        self._connection.close()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


_processes: dict[tuple[int, bytes], _Process] = {}
_starting = threading.Lock()


def _process(adapter: str, options: Mapping[str, Any], variables: Mapping[str, str]) -> _Process:
    """Return the one process of that workspace; a fork of this process has its own."""
    given = repr((adapter, sorted(options.items()), sorted(variables.items())))
    key = os.getpid(), hashlib.sha256(given.encode()).digest()
    with _starting:
        if key not in _processes or not _processes[key].runs():
            _processes[key] = _Process(adapter, options, variables)
        return _processes[key]


@atexit.register
def end_all() -> None:
    """End the processes that were started here."""
    for (pid, _), process in list(_processes.items()):
        if pid == os.getpid():
            process.end()
    _processes.clear()


def _environment() -> dict[str, str]:
    passed_on = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {
        **passed_on,
        "HOME": os.devnull,  # no .databrickscfg, no .netrc, no .aws
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
