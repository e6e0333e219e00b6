"""What becomes of the MLflow run of a pipeline that could not start, and of SIGTERM's handler."""

from __future__ import annotations

import signal

import mlflow
import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from mlflow.exceptions import MlflowException

from crosscloud_mnist.hooks.interrupt import InterruptHooks
from crosscloud_mnist.hooks.preflight import PreflightHooks


class Tracking:
    """As kedro-mlflow: it starts a run, and then sets tags, which the server rejects."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        self.run_id = mlflow.start_run().info.run_id
        raise MlflowException("no entry")


@pytest.mark.slow
def test_a_run_that_could_not_be_started_completely_has_failed(tmp_path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    tracking, manager = Tracking(), _create_hook_manager()
    for hooks in (PreflightHooks(), tracking, InterruptHooks()):
        manager.register(hooks)
    try:
        with pytest.raises(MlflowException, match="no entry"):
            manager.hook.before_pipeline_run(
                run_params={}, pipeline=Pipeline([]), catalog=DataCatalog()
            )
        assert mlflow.active_run() is None
        assert mlflow.MlflowClient().get_run(tracking.run_id).info.status == "FAILED"
    finally:
        mlflow.set_tracking_uri(before)


def test_the_handler_of_sigterm_is_restored_at_the_end_of_a_run():
    def handle(number, frame):
        pass

    before = signal.signal(signal.SIGTERM, handle)
    manager, hooks = _create_hook_manager(), InterruptHooks()
    manager.register(hooks)
    try:
        hooks.after_context_created()
        assert signal.getsignal(signal.SIGTERM) is handle
        for end in (hooks.after_pipeline_run, hooks.on_pipeline_error):
            manager.hook.before_pipeline_run(
                run_params={}, pipeline=Pipeline([]), catalog=DataCatalog()
            )
            assert signal.getsignal(signal.SIGTERM) is not handle
            end()
            assert signal.getsignal(signal.SIGTERM) is handle
    finally:
        signal.signal(signal.SIGTERM, before)
