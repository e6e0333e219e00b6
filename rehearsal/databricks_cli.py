"""``databricks`` on a rehearsal's PATH: the commands that the workflows run, and no other.

    databricks bundle validate|deploy|run [--target TARGET] [KEY] [--only TASKS] [--params K=V,...]
    databricks fs cat dbfs:/Volumes/...

It signs in as the CLI does. A deployment is a file, as the emulated workspaces have no jobs.

https://docs.databricks.com/aws/en/dev-tools/cli/bundle-commands
https://github.com/databricks/cli/pull/3388 for ``--only``
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import sys
from pathlib import Path

import httpx

from rehearsal.bundle_job import BundleJob
from rehearsal.bundle_target import BundleTarget
from rehearsal.cli_state import STATE_VARIABLE, VOLUMES, CliError, CliState

_OF_THE_CI_JOB = ("ACTIONS_", "BUNDLE_VAR_", "DATABRICKS_", "GITHUB_", "MODEL", "PYTHONPATH")


def main() -> int:
    """Run a command; return its exit status."""
    state = CliState.read(Path(os.environ[STATE_VARIABLE]))
    arguments = _parser().parse_args()
    try:
        host = _sign_in()
        if arguments.group == "fs":
            return _print_file(state, arguments.path)
        return _run_bundle(state, host, arguments)
    except CliError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="databricks", allow_abbrev=False)
    groups = parser.add_subparsers(dest="group", required=True)
    bundle = groups.add_parser("bundle").add_subparsers(dest="command", required=True)
    for command in ("validate", "deploy", "run"):
        added = bundle.add_parser(command, allow_abbrev=False)
        added.add_argument("--target", "-t")
    added.add_argument("key")
    added.add_argument("--only", default="")
    added.add_argument("--params", default="")
    cat = groups.add_parser("fs").add_subparsers(dest="command", required=True).add_parser("cat")
    cat.add_argument("path")
    return parser


def _sign_in() -> str:
    """Sign in by the variables of the process; return the host.

    Raises:
        CliError: The workspace rejects the identity.
    """
    from databricks.sdk.core import Config

    try:
        config = Config()
        headers = config.authenticate()
    except ValueError as error:
        raise CliError(str(error)) from None
    response = httpx.get(f"{config.host}/api/2.0/preview/scim/v2/Me", headers=headers, timeout=30)
    if response.is_error:
        raise CliError(f"{response.status_code} {response.text}")
    return str(config.host)


def _print_file(state: CliState, path: str) -> int:
    if not path.startswith(f"dbfs:{VOLUMES}"):
        raise CliError(f"invalid scheme: {path}")
    local = Path(state.local_path(path.removeprefix("dbfs:")))
    if not local.is_file():
        raise CliError(f"no such file: {path}")
    print(local.read_text(), end="")
    return 0


def _run_bundle(state: CliState, host: str, arguments: argparse.Namespace) -> int:
    workspace = re.sub(r"\W+", "_", host)
    files = state.folder / "Workspace" / workspace / (arguments.target or "default") / "files"
    facts = {
        "bundle.git.commit": state.commit,
        "workspace.file_path": str(files),
        "workspace.current_user.userName": "delivery",
    }
    target = BundleTarget.load(Path.cwd(), arguments.target, os.environ, facts)
    deployment = files.parent / "deployment.json"
    match arguments.command:
        case "validate":
            print(f"Name: crosscloud-mnist\nTarget: {target.name}\n\nValidation OK!")
        case "deploy":
            for path in target.sync:
                ignored = shutil.ignore_patterns("local")
                shutil.copytree(path, files / path.name, dirs_exist_ok=True, ignore=ignored)
            deployment.write_text(json.dumps(target.jobs))
            print("Deployment complete!")
        case "run":
            if not deployment.is_file():
                raise CliError(f"the bundle is not deployed to target {target.name}")
            jobs = json.loads(deployment.read_text())
            if arguments.key not in jobs:
                raise CliError(f"no such resource: {arguments.key}")
            only = arguments.only.split(",") if arguments.only else None
            for name in [name for name in os.environ if name.startswith(_OF_THE_CI_JOB)]:
                del os.environ[name]  # a cluster has none of them
            job = BundleJob(state, host, jobs[arguments.key])
            return job.run(only, _parse_pairs(arguments.params))
    return 0


def _parse_pairs(text: str) -> dict[str, str]:
    """Return the pairs of ``k=v,k=v``; a value in double quotes may hold a comma."""
    pairs = next(csv.reader([text]), [])
    if not all("=" in pair for pair in pairs):
        raise CliError(f'invalid argument "{text}" for "--params" flag: must be formatted as k=v')
    return dict(pair.split("=", 1) for pair in pairs)


if __name__ == "__main__":
    sys.exit(main())
