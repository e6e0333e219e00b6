"""Forks workspaces' processes: ``python -m crosscloud_mnist.isolation.fork_server FD MODULE``.

It imports the module first: MLflow takes more than a second of a core, and a promotion needs it in
two processes. It never has a credential: those reach a child over the child's own connection. The
fork server of ``multiprocessing`` would inherit the environment of its parent:
https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods

Each message on the connection holds the file descriptors of one worker: its two connections, its
error output, and a pipe. Into the pipe it writes the process id, and later the exit status, each on
a line. It ends when the connection is closed and its last child has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence

from crosscloud_mnist.isolation import worker

DESCRIPTORS = 4


def serve(control: socket.socket) -> None:
    """Fork a worker for each message, and report each that ended."""
    reports: dict[int, int] = {}  # pipe by process id
    child_ended, wakeup = socket.socketpair()
    child_ended.setblocking(False)
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # otherwise it would not wake up
    events = select.poll()
    for each in (control, child_ended):
        events.register(each, select.POLLIN)
    is_open = True
    while is_open or reports:
        ready = {descriptor for descriptor, _ in events.poll()}
        if child_ended.fileno() in ready:
            child_ended.recv(4096)
            _report_ended(reports)
        if control.fileno() in ready:
            _, descriptors, *_ = socket.recv_fds(control, 1, DESCRIPTORS)
            is_open = len(descriptors) == DESCRIPTORS
            if is_open:
                _start(descriptors, reports, [control, child_ended, wakeup])
            else:
                events.unregister(control)


def _start(
    descriptors: Sequence[int], reports: dict[int, int], server_sockets: Sequence[socket.socket]
) -> None:
    """Fork a worker; where that fails, its error output says why."""
    *given, report = descriptors
    try:
        pid = os.fork()
    except OSError as error:
        os.write(given[-1], f"cannot fork: {error}\n".encode())
        os.write(report, b"0\n1\n")
        pid = -1
    if pid == 0:
        _work(given, server_sockets)
    for descriptor in given:
        os.close(descriptor)
    if pid > 0:
        _write(report, pid)
        reports[pid] = report
    else:
        os.close(report)


def _work(descriptors: Sequence[int], server_sockets: Sequence[socket.socket]) -> None:
    """Be the worker. It keeps the pipe open, which so stays open until both have ended."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for each in server_sockets:
            each.close()
        gc.enable()
        calls, authorization, error_output = descriptors
        os.dup2(error_output, sys.stderr.fileno())
        os.close(error_output)
        worker.run(calls, authorization)
    except BaseException:  # noqa: BLE001  the parent must get any error
        traceback.print_exc()
    finally:
        os._exit(1)  # what the server does next is not for its child


def _report_ended(reports: dict[int, int]) -> None:
    while reports:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        report = reports.pop(pid)
        _write(report, os.waitstatus_to_exitcode(status))
        os.close(report)


def _write(report: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(report, b"%d\n" % number)


if __name__ == "__main__":
    _, descriptor, library = sys.argv
    gc.disable()  # and freeze: https://docs.python.org/3/library/gc.html#gc.freeze
    with contextlib.suppress(Exception):  # the first call of a worker reports that
        importlib.import_module(library)
    gc.freeze()
    serve(socket.socket(fileno=int(descriptor)))
    os._exit(0)  # the end of the interpreter takes long after such an import
