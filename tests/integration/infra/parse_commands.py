"""Run by the Python of an environment with the wheel: parses command lines, and runs nothing.

    python -P parse_commands.py CONF_FOLDER < COMMANDS

COMMANDS is a JSON list of ``sys.argv[1:]``. It prints, for each, the parameters that a run with it
would have; a command line that the run would reject ends it with that error.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import distribution
from typing import Any


def main() -> None:
    """Parse every command line of standard input."""
    (entry_point,) = (
        each
        for each in distribution("crosscloud_mnist").entry_points
        if each.name == "crosscloud-mnist"
    )
    entry_point.load()
    from kedro.framework.cli.utils import find_run_command
    from kedro.framework.project import configure_project

    configure_project("crosscloud_mnist")
    command = find_run_command("crosscloud_mnist")
    parsed = [parse(command, arguments) for arguments in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(parsed))


def parse(command: Any, arguments: list[str]) -> dict[str, Any]:
    """Return the parameters of one command line, checked as before a run."""
    from kedro.framework.project import pipelines

    from crosscloud_mnist.cli import check_selection
    from crosscloud_mnist.hooks.configuration import CachingConfigLoader
    from crosscloud_mnist.hooks.parameters import check_parameters
    from crosscloud_mnist.settings import CONFIG_LOADER_ARGS

    with command.make_context("run", list(arguments)) as context:
        options = context.params
        check_selection(options)
        loader = CachingConfigLoader(
            options["conf_source"],
            env=options["env"],
            runtime_params=options["params"],
            **CONFIG_LOADER_ARGS,
        )
        check_parameters(loader, pipelines)
        return {"pipelines": list(options["pipelines"]), "params": loader.runtime_params}


if __name__ == "__main__":
    main()
