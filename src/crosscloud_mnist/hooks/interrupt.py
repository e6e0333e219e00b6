"""Ctrl-C and SIGTERM: the MLflow run ends as killed, and one line says so.

Kedro reports an ``Exception`` to its hooks, but not a ``KeyboardInterrupt``; and MLflow marks a run
that is open when its process exits as finished.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import sys
import threading
from collections.abc import Generator
from typing import Any

import click
from kedro.framework.hooks import hook_impl

from crosscloud_mnist.hooks.lost_interrupts import (
    forget_interrupt,
    interrupt,
    raise_lost_interrupt,
)


class InterruptHooks:
    """Ends the MLflow run of an interrupted pipeline as killed.

    A run that was open before the pipeline is the caller's, and stays as it is.
    """

    def __init__(self) -> None:
        self._run_id: str | None = None  # of the pipeline in progress
        self._previous_handler: Any = None  # of SIGTERM, while a pipeline is in progress

    @hook_impl(tryfirst=True)
    def after_context_created(self) -> None:
        """End the run of a pipeline that was interrupted in this process, as in a notebook.

        Otherwise kedro-mlflow logs the next pipeline into it.

        Raises:
            KeyboardInterrupt: This command was interrupted, and the exception was lost.
        """
        if signal.getsignal(signal.SIGTERM) is interrupt:
            forget_interrupt()  # it ended the earlier pipeline
        else:
            raise_lost_interrupt()
        if self._run_id is not None and self._run_id == _active_run_id():
            _end_run("KILLED")
        self._disarm()

    @hook_impl(wrapper=True)
    def before_pipeline_run(self) -> Generator[None, None, None]:
        """Prepare for an interruption, after kedro-mlflow has started its run.

        kedro-mlflow may fail after it started the run, in the same hook: then no other hook is
        called, and the run is ended here as failed.
        """
        run_id_of_caller = _active_run_id()
        try:
            result = yield
        except BaseException:
            if run_id_of_caller is None:
                _end_run("FAILED")
            raise
        if run_id_of_caller is None:
            self._run_id = _active_run_id()
        atexit.register(_end_as_killed)
        if _in_main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, interrupt)
        return result

    @hook_impl(tryfirst=True)
    def before_node_run(self) -> None:
        """End the run if an interrupt was lost.

        Raises:
            KeyboardInterrupt: One was.
        """
        raise_lost_interrupt()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Restore the signal: the run has succeeded."""
        self._disarm()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Restore the signal: kedro-mlflow ends the run as failed."""
        self._disarm()

    def _disarm(self) -> None:
        self._run_id = None
        atexit.unregister(_end_as_killed)
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) is interrupt:
            # None: a handler that was not set from Python and cannot be set from here.
            signal.signal(signal.SIGTERM, self._previous_handler or signal.SIG_DFL)


def _in_main_thread() -> bool:
    """Return whether this thread may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


def _active_run_id() -> str | None:
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow else None
    return run.info.run_id if run else None


def _end_run(status: str) -> None:
    if _active_run_id() is None:
        return
    mlflow = sys.modules["mlflow"]
    # The process ends in any case; what requests raises is an OSError.
    with contextlib.suppress(mlflow.exceptions.MlflowException, OSError):
        mlflow.end_run(status)


def _end_as_killed() -> None:
    _end_run("KILLED")
    click.echo(
        "the run was interrupted; what it completed is kept: run it again, or see what is in "
        "production with kedro run --pipelines history",
        err=True,
    )
