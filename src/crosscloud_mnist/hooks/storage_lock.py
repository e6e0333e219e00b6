"""Two runs at once do not use each other's files: the second is rejected before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from crosscloud_mnist.hooks.failures import set_storage
from crosscloud_mnist.storage.run_lock import RunLock

# Training streams the shards that ingestion writes.
_STAGES_READ = {"train": {"ingest"}}
_NOT_A_STAGE = {"production"}  # a tag of what writes to the production workspace


class StorageLockHooks:
    """Holds the locks of the stages, by which the nodes are tagged, while a pipeline runs."""

    def __init__(self) -> None:
        self._storage: Path | None = None
        self._lock: RunLock | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read where the storage is, for the locks and for the log of a failure."""
        storage = context.config_loader["globals"]["storage"]
        self._storage = Path(storage)
        set_storage(storage)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: Mapping[str, Any], pipeline: Pipeline) -> None:
        """Lock the stages, before kedro-mlflow starts its run.

        Raises:
            StorageInUseError: Another run holds one of them.
        """
        self._release()  # of a run of this process that was interrupted, in a notebook
        if self._storage is None:
            return
        tags = {tag for node in pipeline.nodes for tag in node.tags} - _NOT_A_STAGE
        stages = tags.union(*(_STAGES_READ.get(tag, set()) for tag in tags))
        lock = RunLock(self._storage, stages, _name(run_params))
        lock.acquire()
        self._lock = lock

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Release the locks."""
        self._release()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Release the locks."""
        self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None


def _name(run_params: Mapping[str, Any]) -> str:
    names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
    return "+".join(names)
