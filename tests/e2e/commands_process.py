"""Commands of a project, one after the other in one process, which loads its libraries once.

Each line of standard input is a JSON list: the arguments of ``kedro run``, and the environment
variables to set while it runs. For each, a line of JSON has its exit status and what it printed.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project


def main() -> None:
    """Run the commands until standard input ends."""
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no result
    bootstrap_project(Path.cwd())
    from crosscloud_mnist.cli import run

    for line in sys.stdin:
        arguments, variables = json.loads(line)
        ended = CliRunner().invoke(run, arguments, env=variables)
        if ended.exc_info and ended.exc_info[0] is not SystemExit:
            traceback.print_exception(*ended.exc_info)
        results.write(json.dumps([ended.exit_code, ended.output]) + "\n")
        results.flush()


if __name__ == "__main__":
    main()
