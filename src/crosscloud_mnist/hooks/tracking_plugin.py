"""kedro-mlflow opens the tracking store before any pipeline runs, which takes seconds."""

from __future__ import annotations

from kedro.framework.project import settings

# They start no MLflow run, and use no dataset of the plugin.
UNTRACKED_PIPELINES = ("history", "register_remote")
# Kedro compares the name that the distribution's metadata has, in which a build may replace the
# hyphen.
_TRACKING_PLUGIN = ("kedro-mlflow", "kedro_mlflow")


def disable_tracking_plugin() -> None:
    """Let the next session run without kedro-mlflow."""
    disabled = settings.DISABLE_HOOKS_FOR_PLUGINS
    settings.set("DISABLE_HOOKS_FOR_PLUGINS", (*disabled, *_TRACKING_PLUGIN))
