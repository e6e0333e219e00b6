"""Kedro's settings: see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

import sys
from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc

from crosscloud_mnist.hooks.configuration import CachingConfigLoader
from crosscloud_mnist.hooks.console import ConsoleHooks
from crosscloud_mnist.hooks.interrupt import InterruptHooks
from crosscloud_mnist.hooks.library_notices import hide_library_notices
from crosscloud_mnist.hooks.preflight import PreflightHooks
from crosscloud_mnist.hooks.source_commit import SourceCommitHooks
from crosscloud_mnist.hooks.storage_lock import StorageLockHooks
from crosscloud_mnist.hooks.version_check import disable_version_check
from crosscloud_mnist.hooks.workspace_processes import WorkspaceProcessHooks
from crosscloud_mnist.isolation.early_start import prepare_processes
from crosscloud_mnist.source_version import find_commit


def _project() -> Path:
    here = Path.cwd()
    return find_kedro_project(here) or here


def _project_path(path: str) -> str:
    """Return the absolute path: MLflow, SQLite and Spark do not know Kedro's project folder."""
    return (_project() / path).as_posix()


def _images_folder(path: str) -> str:
    """Return the folder of images, or of the package's samples where it holds none."""
    folder = Path(path)
    if folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir()):
        return path
    return (Path(__file__).parent / "sample_images").as_posix()


hide_library_notices()
prepare_processes(sys.argv[1:])  # before Kedro imports the command lines of its plugins
disable_version_check()

HOOKS = (
    PreflightHooks(),
    SourceCommitHooks(),
    StorageLockHooks(),
    WorkspaceProcessHooks(),
    ConsoleHooks(),
    InterruptHooks(),
)
# Kedro-Viz writes into the project's folder, and warns in a job, which has none.
DISABLE_HOOKS_FOR_PLUGINS = (
    "kedro-telemetry",
    *(() if find_kedro_project(Path.cwd()) else ("kedro-viz",)),
)
CONFIG_LOADER_CLASS = CachingConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {
        "oc.env": oc.env,
        "project_path": _project_path,
        "git_commit": find_commit,
        "images_folder": _images_folder,
    },
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
}
