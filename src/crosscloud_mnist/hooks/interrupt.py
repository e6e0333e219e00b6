"""Ctrl-C and SIGTERM: the run ends as killed, and says so in one line.

Kedro tells its hooks of an ``Exception`` only; ``KeyboardInterrupt`` is none. MLflow, where a
process ends with its run open, calls the run finished.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import sys
import threading
from collections.abc import Generator
from types import FrameType
from typing import NoReturn

import click
from kedro.framework.hooks import hook_impl


class InterruptHooks:
    """Leaves no MLflow run RUNNING, or falsely FINISHED, where a pipeline is interrupted."""

    @hook_impl(wrapper=True)
    def before_pipeline_run(self) -> Generator[None, None, None]:
        """Be ready, after kedro-mlflow has opened its run: what was registered last goes first.

        Where it could not do so wholly, no other hook hears of it, and the run has failed.
        """
        with contextlib.ExitStack() as otherwise:
            otherwise.callback(_end_run, "FAILED")
            result = yield
            otherwise.pop_all()
        atexit.register(_end_as_killed)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        return result

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Stand down: the run has ended well."""
        _stand_down()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Stand down: kedro-mlflow calls the run failed."""
        _stand_down()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


def _stand_down() -> None:
    atexit.unregister(_end_as_killed)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_run(status: str) -> None:
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or mlflow.active_run() is None:
        return
    # The process ends, whatever the server says; what requests raises is an OSError.
    with contextlib.suppress(mlflow.exceptions.MlflowException, OSError):
        mlflow.end_run(status)


def _end_as_killed() -> None:
    _end_run("KILLED")
    click.echo(
        "the run was interrupted; what it had done stands: run again, or see what is in production "
        "with kedro run --pipelines history",
        err=True,
    )
