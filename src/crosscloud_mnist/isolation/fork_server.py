"""Forks workspaces' processes: ``python -m crosscloud_mnist.isolation.fork_server FD MODULE``.

It imports the module first: MLflow takes more than a second of a core, and a promotion needs it in
two processes. It never has a credential: those reach a child over the child's own connection. The
fork server of ``multiprocessing`` would inherit the environment of its parent:
https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods

It answers the requests of ``fork_protocol.py``, and ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import socket
import sys
from collections.abc import Sequence

from crosscloud_mnist.isolation import worker
from crosscloud_mnist.isolation.fork_protocol import (
    DESCRIPTORS,
    MAX_REQUEST_BYTES,
    RUNNING,
    START,
    STATUS,
)


def serve(control: socket.socket) -> None:
    """Answer requests until the connection closes."""
    while True:
        request, descriptors, *_ = socket.recv_fds(control, MAX_REQUEST_BYTES, DESCRIPTORS)
        match request.split():
            case [kind] if kind == START:
                control.send(b"%d" % _fork(control, descriptors))
            case [kind, pid] if kind == STATUS:
                control.send(_status(int(pid)))
            case _:
                return


def _fork(control: socket.socket, descriptors: Sequence[int]) -> int:
    """Return the process id of a new worker with those descriptors."""
    pid = os.fork()
    if pid == 0:
        control.close()
        gc.enable()
        calls, authorization, error_output = descriptors
        os.dup2(error_output, sys.stderr.fileno())
        os.close(error_output)
        try:
            worker.run(calls, authorization)
        finally:
            os._exit(1)  # what the server does next is not for its child
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _status(pid: int) -> bytes:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return b"%d" % os.waitstatus_to_exitcode(status) if ended else RUNNING


if __name__ == "__main__":
    _, descriptor, library = sys.argv
    gc.disable()  # and freeze: https://docs.python.org/3/library/gc.html#gc.freeze
    with contextlib.suppress(Exception):  # the first call of a worker reports that
        importlib.import_module(library)
    gc.freeze()
    serve(socket.socket(fileno=int(descriptor)))
    os._exit(0)  # the end of the interpreter takes long after such an import
