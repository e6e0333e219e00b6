"""The console script: ``kedro run`` for the installed package, wherever its conf stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: str, **options: Any) -> Any:
    """Run a pipeline; the arguments are those of ``kedro run``.

    In a notebook the value is returned; on a command line the process exits.
    """
    package = Path(__file__).parent.name
    configure_project(package)
    options["standalone_mode"] = not hasattr(sys, "ps1")
    return find_run_command(package)(*args, **options)


if __name__ == "__main__":
    main()
