"""What runs in a workspace's own process: ``python -m crosscloud_mnist.isolation.worker FD``.

It is told over the connection which adapter to build and with which credentials, then answers calls
until the connection closes, which the system does when the other side ends or is killed.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from kedro.utils import load_obj

from crosscloud_mnist.errors import CrosscloudError, RegistryError

_SECRET = ("TOKEN", "PASSWORD", "SECRET", "KEY")


def answer_calls(connection: Connection) -> None:
    """Answer each ``(method, arguments, options)`` with ``(answer, None)`` or ``(None, error)``."""
    calls = _calls(connection)
    name, options, variables = next(calls)
    os.environ.update(variables)
    adapter = None
    for method, arguments, keywords in calls:
        try:
            adapter = adapter or load_obj(name)(**options)
            connection.send((getattr(adapter, method)(*arguments, **keywords), None))
        except Exception as error:  # noqa: BLE001  whatever it is, the caller must know
            connection.send((None, _to_send(error, f"{name}.{method}", variables)))


def _calls(connection: Connection) -> Iterator[tuple[Any, Any, Any]]:
    """Read in a thread, so that the end of the caller ends even a call in progress."""
    received: queue.SimpleQueue[tuple[Any, Any, Any]] = queue.SimpleQueue()

    def read() -> None:
        while True:
            try:
                received.put(connection.recv())
            except (EOFError, OSError):
                os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield received.get()


def _to_send(error: Exception, what: str, variables: Mapping[str, str]) -> CrosscloudError:
    """Keep the package's own errors, say others in one line, and let no secret out."""
    kind: type[CrosscloudError] = RegistryError
    message = str(error)
    if isinstance(error, CrosscloudError):
        kind = type(error)
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"{what} failed with {type(error).__name__}: {' '.join(message.split())[:300]} (line "
            f"{frame.lineno} of {os.path.basename(frame.filename)}), expected an answer"  # noqa: PTH119
        )
    for name, value in variables.items():
        if name.endswith(_SECRET) and value:
            message = message.replace(value, "***")
    return kind(message)


if __name__ == "__main__":
    answer_calls(Connection(int(sys.argv[1])))
