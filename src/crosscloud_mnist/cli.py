"""The project's ``kedro run``: Kedro's own, whose failures are one line.

Kedro loads this module as the project's command line:
https://docs.kedro.org/en/stable/extend/common_use_cases/#use-case-3-how-to-add-or-modify-cli-commands
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Mapping
from typing import Any

import click
import kedro.runner
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.framework.project import pipelines

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks import diagnosis
from crosscloud_mnist.hooks.conf_source import open_conf_source
from crosscloud_mnist.hooks.failures import one_line_failures
from crosscloud_mnist.hooks.lost_interrupts import recorded_interrupts
from crosscloud_mnist.hooks.names import check_name
from crosscloud_mnist.hooks.params_option import parse_params
from crosscloud_mnist.hooks.tracking_plugin import UNTRACKED_PIPELINES, disable_tracking_plugin

# At its end, Python searches all objects for garbage several times, which takes half a second of a
# command. Without that, what is in a cycle of references is not finalized.
atexit.register(gc.freeze)


@click.group("kedro", context_settings=CONTEXT_SETTINGS, help="")
def cli() -> None:
    """Hold the project's commands; Kedro merges them with its own group of this name."""


def _run(*, verbose: bool, **options: Any) -> Any:
    with recorded_interrupts(), one_line_failures(verbose=verbose):
        if options["pipeline"] and not options["pipelines"]:  # the old name of the option
            options |= {"pipeline": None, "pipelines": [options["pipeline"]]}
        check_selection(options)
        check_runner(options["runner"], is_async=options["is_async"], **options["runner_params"])
        if options["pipelines"] == [diagnosis.PIPELINE]:
            diagnosis.replace_preflight()
        if options["pipelines"] and set(options["pipelines"]) <= set(UNTRACKED_PIPELINES):
            disable_tracking_plugin()
        with open_conf_source(options["conf_source"]) as options["conf_source"]:
            return kedro_run.callback(**options)  # type: ignore[misc]  # a command has a callback


def check_selection(options: Mapping[str, Any]) -> None:
    """Check that the pipelines and the nodes that the options name exist.

    Raises:
        ConfigurationError: One does not.
    """
    for name in options["pipelines"]:
        check_name(name, pipelines, "pipeline")
    selected = options["pipelines"] or ["__default__"]
    nodes = [node.name for name in selected for node in pipelines[name].nodes]
    for option in ("node_names", "from_nodes", "to_nodes"):
        for name in options[option]:
            check_name(name, nodes, "node")


def check_runner(runner: str | None, *, is_async: bool, **_params: Any) -> None:
    """Check that datasets are loaded and saved in the main thread of this process.

    MLflow keeps its active run for each thread, and what ``kedro-mlflow`` saves cannot be pickled.

    Raises:
        ConfigurationError: They would be in another thread or process, or there is no such runner.
    """
    if runner and "." not in runner:
        check_name(runner, kedro.runner.__all__, "runner")
    if is_async or (runner and runner.rpartition(".")[2] in ("ParallelRunner", "ThreadRunner")):
        raise ConfigurationError(
            f"{'--async' if is_async else runner} uses other threads or processes, in which MLflow "
            "has no active run; expected the SequentialRunner: leave out --runner and --async"
        )


def _option(parameter: click.Parameter) -> click.Parameter:
    """Return Kedro's own option, except for ``--params``."""
    if parameter.name != "params":
        return parameter
    return click.Option(
        ["--params"],
        type=click.UNPROCESSED,
        default="",
        callback=parse_params,
        help="name=value,name=value. In quotes, a value may hold commas: 'name=\"a, b\"'.",
    )


run = click.Command(
    "run",
    help=kedro_run.help,
    callback=_run,
    params=[
        *map(_option, kedro_run.params),
        click.Option(["--verbose", "-v"], is_flag=True, help="Print the traceback of a failure."),
    ],
)
cli.add_command(run)
