"""What is known before a run starts, and what becomes of one that is refused half-way."""

from __future__ import annotations

import click
import mlflow
import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow.exceptions import MlflowException

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.hooks.interrupt import InterruptHooks
from crosscloud_mnist.hooks.preflight import PreflightHooks


class Tracking:
    """As kedro-mlflow: it opens a run, and then sets tags, which the server refuses."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        self.run_id = mlflow.start_run().info.run_id
        raise MlflowException("no\nentry")


def test_a_run_that_could_not_be_started_wholly_has_failed(tmp_path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    tracking, manager = Tracking(), _create_hook_manager()
    for hooks in (PreflightHooks(), tracking, InterruptHooks()):
        manager.register(hooks)
    try:
        with pytest.raises(click.ClickException, match="^MLflow answered: no entry; check"):
            manager.hook.before_pipeline_run(
                run_params={}, pipeline=Pipeline([]), catalog=DataCatalog()
            )
        assert mlflow.active_run() is None
        assert mlflow.MlflowClient().get_run(tracking.run_id).info.status == "FAILED"
    finally:
        mlflow.set_tracking_uri(before)


@pytest.mark.parametrize(
    ("key", "said"),
    [(None, "there is no signing key"), ("-----BEGIN NONE-----", "signing key cannot be used")],
)
def test_training_does_not_start_without_a_key_to_sign_with(tmp_path, key, said):
    dataset = BundleDataset(filepath=str(tmp_path / "bundle"), credentials={"private_key": key})
    catalog = DataCatalog({"bundle": dataset})
    manager = _create_hook_manager()
    manager.register(PreflightHooks())

    def start(pipeline: Pipeline) -> None:
        manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)

    with pytest.raises(click.ClickException, match=said):
        start(Pipeline([Node(lambda: None, None, "bundle", name="build_bundle_contents")]))
    start(Pipeline([Node(lambda bundle: bundle, "bundle", "more", name="use_bundle")]))
