"""The console script: ``kedro run`` for the installed package, wherever its conf stands.

It is also the entry point of a Databricks ``python_wheel_task``. That loads it from the installed
distribution, sets ``sys.argv`` and calls it in the driver's Python. A ``SystemExit`` fails the
task, even with status 0: https://github.com/kedro-org/kedro/pull/3191.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from crosscloud_mnist.isolation.early_start import prepare_processes

_PROGRAM = "crosscloud-mnist"


def main(args: Sequence[str] | None = None, **options: Any) -> Any:
    """Run a pipeline; return its outputs in a notebook, and nothing in a command or a task.

    Args:
        args: The arguments of ``kedro run``; those of the command where there are none.
        options: Of click's ``Command.main``.

    Raises:
        SystemExit: The command failed. Its text, which a task shows, is the command's message; its
            code is the exit status.
    """
    prepare_processes(sys.argv[1:] if args is None else args)  # before Kedro is imported
    package = Path(__file__).parent.name
    command = _load_command(package)
    try:
        outputs = command(args, prog_name=_PROGRAM, standalone_mode=False, **options)
    except click.ClickException as error:
        error.show()
        raise _failure(error.format_message(), error.exit_code) from None
    except click.Abort:
        click.echo("Aborted!", err=True)
        raise _failure("the run was interrupted", 1) from None
    return outputs if hasattr(sys, "ps1") else None


def _load_command(package: str) -> Callable[..., Any]:
    """Return the command of the package, without what Kedro logs of its own configuration."""
    logging.disable(logging.INFO)
    try:
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project

        configure_project(package)
        return find_run_command(package)
    finally:
        logging.disable(logging.NOTSET)


def _failure(message: str, status: int) -> SystemExit:
    failure = SystemExit(message)
    failure.code = status
    return failure


if __name__ == "__main__":
    main()
