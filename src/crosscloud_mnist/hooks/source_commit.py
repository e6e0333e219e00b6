"""A model is trained by code whose commit is recorded: checked before a run that trains."""

from __future__ import annotations

import re

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from crosscloud_mnist.errors import ConfigurationError

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_TRAINS = "train"  # the tag of the stage


class SourceCommitHooks:
    """Rejects training with an unknown or changed commit where the globals say so."""

    def __init__(self) -> None:
        self._commit = ""
        self._is_required = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the commit, and whether it must be one."""
        settings = context.config_loader["globals"]
        self._commit = str(settings["git_commit"])
        self._is_required = bool(settings["require_git_commit"])

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Check the commit, before kedro-mlflow starts its run.

        Raises:
            ConfigurationError: The pipeline trains, and the commit is not that of clean sources.
        """
        trains = any(_TRAINS in node.tags for node in pipeline.nodes)
        if self._is_required and trains and not _COMMIT.fullmatch(self._commit):
            raise ConfigurationError(
                f"the commit of the code is {self._commit or 'empty'}, expected that of clean "
                "sources, which the model's lineage records; commit the changes, or set GIT_COMMIT "
                "to the commit that the wheel was built from"
            )
