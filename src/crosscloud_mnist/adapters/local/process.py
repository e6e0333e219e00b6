"""The supervisor's process of a folder: started, found again and ended.

A supervisor runs as long as the lock of ``supervisor.lock`` is held. The process that starts it
takes the lock and hands the open file down, so there is no moment at which a supervisor runs and
the folder looks unused; the kernel frees the lock when the supervisor ends, however it ends. A copy
of the folder is another file, which nothing holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.handshake import EndpointFolder
from crosscloud_mnist.serving.log_rotation import open_log

_LOCK = "supervisor.lock"
_MODULE = "crosscloud_mnist.serving"
_APPEAR_SECONDS = 15  # between the process's start and its first endpoint.json
_DRAIN_SECONDS = 15
_CLOCK_SECONDS = 2.0  # by which a correction of the system's clock may move a creation time


def is_running(folder: EndpointFolder) -> bool:
    """Whether a supervisor runs that was started in this folder."""
    try:
        with (folder.path / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False


def start(folder: EndpointFolder) -> subprocess.Popen[bytes]:
    """Start a supervisor with the folder's settings; its output goes to the folder's log.

    Raises:
        EndpointError: One runs already.
    """
    with _hold_lock(folder) as lock, open_log(folder.log) as log:
        _remove(folder.state)
        return subprocess.Popen(
            [sys.executable, "-m", _MODULE, "--settings", str(folder.settings)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],  # never closed there: the lock lasts as long as the process
        )


def find(folder: EndpointFolder) -> psutil.Process | None:
    """Return the supervisor that runs in this folder, if one does.

    It is the process that ``endpoint.json`` names. Where that file, or the lock's, is damaged or
    gone, it is the one whose command line names this folder.

    Raises:
        EndpointError: One runs and cannot be found.
    """
    until = time.monotonic() + _APPEAR_SECONDS
    while is_running(folder):
        process = _find_by_state(folder) or _find_by_command(folder)
        if process is not None:
            return process
        if time.monotonic() > until:
            raise EndpointError(
                f"an endpoint runs in {folder.path} and endpoint.json does not name it, expected "
                f"its process; end the process that runs {_MODULE} by hand"
            )
        time.sleep(0.05)
    return _find_by_command(folder)


def stop(path: Path) -> bool:
    """End the endpoint of this folder: SIGTERM drains it, SIGKILL follows where that is slow.

    Returns:
        Whether there was one.

    Raises:
        EndpointError: One runs and cannot be found.
    """
    folder = EndpointFolder(path.absolute())
    process = find(folder)
    if process is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                # The workers are of its group: they drain when it ends, or are killed with it.
                (os.kill if number == signal.SIGTERM else os.killpg)(process.pid, number)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(_DRAIN_SECONDS)
                break
    _remove(folder.state)
    return process is not None


def kill(process: subprocess.Popen[bytes], folder: EndpointFolder) -> None:
    """End a supervisor that did not start, with its workers, and remove its state."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _remove(folder.state)


@contextlib.contextmanager
def _hold_lock(folder: EndpointFolder) -> Iterator[int]:
    descriptor = os.open(folder.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError as error:
        raise EndpointError(
            f"another endpoint runs in {folder.path}, expected none; run make stop"
        ) from error
    finally:
        os.close(descriptor)


def _find_by_state(folder: EndpointFolder) -> psutil.Process | None:
    try:
        state = folder.read_state()
        if state is None:
            return None
        process = psutil.Process(state.pid)
        is_same_age = abs(process.create_time() - state.create_time) < _CLOCK_SECONDS
        is_same = is_same_age and _MODULE in process.cmdline()
    except (EndpointError, psutil.Error, ValueError, OverflowError):
        return None
    return process if is_same else None


def _find_by_command(folder: EndpointFolder) -> psutil.Process | None:
    expected = ["-m", _MODULE, "--settings", str(folder.settings)]
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[1:] == expected:
                return process
    return None


def _remove(path: Path) -> None:
    """Remove the file, or whatever stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
