"""The project's ``kedro run``: Kedro's own, whose failures are one line.

Kedro loads this module as the project's command line:
https://docs.kedro.org/en/stable/extend/common_use_cases/#use-case-3-how-to-add-or-modify-cli-commands
"""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.framework.project import pipelines

from crosscloud_mnist.hooks.failures import one_line_failures
from crosscloud_mnist.hooks.names import check_name


@click.group(context_settings=CONTEXT_SETTINGS)
def cli() -> None:
    """Commands of this project; Kedro merges them with its own."""


def _run(*, verbose: bool, **options: Any) -> Any:
    with one_line_failures(verbose=verbose):
        if options["pipeline"] and not options["pipelines"]:  # the old name of the option
            options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
        for name in options["pipelines"]:
            check_name(name, pipelines, "pipeline")
        return kedro_run.callback(**options)  # type: ignore[misc]  # a command has a callback


run = click.Command(
    "run",
    help=kedro_run.help,
    callback=_run,
    params=[
        *kedro_run.params,
        click.Option(["--verbose", "-v"], is_flag=True, help="Print the traceback of a failure."),
    ],
)
cli.add_command(run)
