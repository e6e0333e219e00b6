"""Lets the libraries of workspaces' processes load while Kedro, its plugins and pipelines do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from crosscloud_mnist.isolation.worker_process import get_server

_OPTIONS = ("--pipelines", "--pipeline", "-p")
_CALL_A_WORKSPACE_FIRST = {"deploy", "history", "register_remote", "release", "rollback"}


def prepare_processes(arguments: Sequence[str]) -> None:
    """Start the fork server, if the pipelines that the arguments name call a workspace at once.

    Args:
        arguments: Of the command ``kedro run``, or of the console script.
    """
    if _CALL_A_WORKSPACE_FIRST.intersection(_named_pipelines(arguments)):
        with contextlib.suppress(OSError):  # the first call to a workspace reports that
            get_server()


def _named_pipelines(arguments: Sequence[str]) -> Iterator[str]:
    for argument, following in pairwise([*arguments, ""]):
        option, equals, value = argument.partition("=")
        if option in _OPTIONS:
            yield from (value if equals else following).replace(" ", "").split(",")
