"""What runs in a workspace's own process: ``python -m crosscloud_mnist.isolation.worker FD FD``.

Where the system can fork safely, ``fork_server.py`` calls ``run`` in a child of its own.

The first message names the adapter and holds its options and credentials; each further message is a
call. The process ends when the connection closes, which the system does when the parent ends or is
killed. Over the second connection it asks the parent for the authorization of its requests.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from kedro.utils import load_obj

from crosscloud_mnist.errors import CrosscloudError, RegistryError
from crosscloud_mnist.isolation import request_headers
from crosscloud_mnist.isolation.authorization import AuthorizationClient
from crosscloud_mnist.isolation.codec import decode, encode
from crosscloud_mnist.redaction import redact, select_secrets, summarize


def run(calls: int, authorization: int) -> None:
    """Answer calls until the connection closes; this process is then ended.

    Args:
        calls: File descriptor of the connection to the parent, which calls.
        authorization: That of the connection over which the parent signs in.
    """
    # MLflow asks it for each request whether this is a notebook, and it takes long to import:
    # mlflow/utils/databricks_utils.py of MLflow 3.17, _get_dbutils
    sys.modules["IPython"] = cast("Any", None)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("crosscloud_mnist").setLevel(logging.INFO)  # progress, for the parent
    answer_calls(Connection(calls), AuthorizationClient(Connection(authorization)))


def answer_calls(connection: Connection, authorization: AuthorizationClient) -> None:
    """Answer each ``[method, arguments, options]`` with its result or its error.

    A result is sent as ``[result]``, an error as ``[name, message]``.

    Args:
        connection: To the parent, which calls.
        authorization: Of this process's requests, where the parent signs in.
    """
    messages = _receive(connection)
    adapter_path, options, variables, requests = next(messages)
    os.environ.update(variables)
    if requests is not None:
        address, fixed, is_signed_in_by_parent = requests
        request_headers.install(address, fixed, authorization if is_signed_in_by_parent else None)
    secrets = select_secrets(variables)
    adapter = None
    with contextlib.suppress(Exception):  # the first call raises it again, and reports it
        getattr(load_obj(adapter_path), "preload", _do_nothing)()
    for method, arguments, keywords in messages:
        try:
            adapter = adapter or load_obj(adapter_path)(**options)
            response = encode([getattr(adapter, method)(*arguments, **keywords)])
        except Exception as error:  # noqa: BLE001  the caller must get any error
            response = encode(_describe_error(error, f"{adapter_path}.{method}", secrets))
        connection.send_bytes(response)


def _do_nothing() -> None:
    """Preload nothing."""


def _receive(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the messages; a thread reads them, so that a closed connection ends a running call."""
    messages: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def read() -> None:
        while True:
            try:
                messages.put(decode(connection.recv_bytes()))
            except (EOFError, OSError):
                os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield messages.get()


def _describe_error(error: Exception, call: str, secrets: Sequence[str]) -> tuple[str, str]:
    """Return the name and the message, without secrets, of the error to raise in the parent."""
    if isinstance(error, CrosscloudError):
        return type(error).__name__, redact(str(error), secrets)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return RegistryError.__name__, (
        f"{call} failed with {type(error).__name__}: {summarize(str(error), secrets)} (line "
        f"{frame.lineno} of {Path(frame.filename).name}), expected a result; run the same command "
        "again, and report it if it fails again"
    )


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
