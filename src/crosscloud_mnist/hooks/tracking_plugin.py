"""kedro-mlflow imports MLflow and opens the tracking store before any run, which takes seconds."""

from __future__ import annotations

from types import ModuleType

from kedro.framework.project import settings

# They start no MLflow run, and use no dataset of the plugin.
UNTRACKED_PIPELINES = ("history", "register_remote")
_EMPTY_PLUGIN = ModuleType("mlflow_hook")  # kedro-mlflow's entry point in the group kedro.hooks


def disable_tracking_plugin() -> None:
    """Let the next session run without kedro-mlflow.

    Where Kedro's DISABLE_HOOKS_FOR_PLUGINS names a plugin, it is imported all the same. An entry
    point is not, if a plugin of its name is registered before:
    https://pluggy.readthedocs.io/en/stable/api_reference.html#pluggy.PluginManager.load_setuptools_entrypoints
    """
    settings.set("HOOKS", (*settings.HOOKS, _EMPTY_PLUGIN))
