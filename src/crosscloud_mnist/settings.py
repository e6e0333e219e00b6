"""Kedro's settings: see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc


def _in_project(path: str) -> str:
    """Return the absolute path: MLflow, SQLite and Spark do not know Kedro's project folder."""
    here = Path.cwd()
    return ((find_kedro_project(here) or here) / path).as_posix()


DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "custom_resolvers": {"oc.env": oc.env, "in_project": _in_project},
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
}
