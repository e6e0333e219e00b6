"""Kedro's settings: see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

import shutil
import subprocess
from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc

from crosscloud_mnist.hooks.console import ConsoleHooks
from crosscloud_mnist.hooks.interrupt import InterruptHooks
from crosscloud_mnist.hooks.library_notices import hide_library_notices
from crosscloud_mnist.hooks.preflight import PreflightHooks
from crosscloud_mnist.hooks.storage_lock import StorageLockHooks
from crosscloud_mnist.hooks.version_check import disable_version_check


def _project() -> Path:
    here = Path.cwd()
    return find_kedro_project(here) or here


def _project_path(path: str) -> str:
    """Return the absolute path: MLflow, SQLite and Spark do not know Kedro's project folder."""
    return (_project() / path).as_posix()


def _git_commit() -> str:
    """Return the commit of the code, ``-dirty`` where files differ from it, for the lineage."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    described = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=_project(),
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


hide_library_notices()
disable_version_check()

HOOKS = (PreflightHooks(), StorageLockHooks(), ConsoleHooks(), InterruptHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {
        "oc.env": oc.env,
        "project_path": _project_path,
        "git_commit": _git_commit,
    },
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
}
