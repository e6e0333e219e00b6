"""Which stages a run locks, and when it releases them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.pipeline import Pipeline

from crosscloud_mnist.errors import StorageInUseError
from crosscloud_mnist.hooks.storage_lock import StorageLockHooks
from crosscloud_mnist.pipeline_registry import register_pipelines

PIPELINES = register_pipelines()


def hooks_of(storage: Path) -> StorageLockHooks:
    hooks = StorageLockHooks()
    loader = {"globals": {"storage": str(storage)}}
    hooks.after_context_created(SimpleNamespace(config_loader=loader))
    return hooks


def start(hooks: StorageLockHooks, name: str) -> None:
    hooks.before_pipeline_run({"pipeline_names": [name]}, PIPELINES[name])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("train", "train"),
        ("train", "train_distributed"),
        ("train_distributed", "ingest_mnist"),  # whose shards it streams
        ("ingest_mnist", "ingest_on_spark"),
        ("release", "register_remote"),
        ("batch_score", "batch_score"),
    ],
)
def test_the_second_of_two_runs_that_share_files_is_rejected(tmp_path, first, second):
    running = hooks_of(tmp_path)
    start(running, first)
    with pytest.raises(StorageInUseError, match=rf"another run \({first}, process "):
        start(hooks_of(tmp_path), second)
    running.after_pipeline_run()


@pytest.mark.parametrize(
    ("first", "second"),
    [("train", "release"), ("train", "smoke_test"), ("ingest_mnist", "batch_score")],
)
def test_runs_that_share_no_files_do_not_exclude_each_other(tmp_path, first, second):
    running = hooks_of(tmp_path)
    start(running, first)
    start(hooks_of(tmp_path), second)
    running.after_pipeline_run()


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_the_locks_are_released_at_the_end(tmp_path, end):
    hooks = hooks_of(tmp_path)
    start(hooks, "train")
    getattr(hooks, end)()
    start(hooks_of(tmp_path), "train")


def test_a_run_after_an_interrupted_one_of_the_same_process_starts(tmp_path):
    hooks = hooks_of(tmp_path)
    start(hooks, "train")  # interrupted: Kedro calls no hook
    start(hooks, "train")


def test_every_node_of_every_pipeline_is_tagged_by_its_stage():
    untagged = [
        f"{name}: {node.name}"
        for name, pipeline in PIPELINES.items()
        for node in pipeline.nodes
        if not node.tags - {"production"}
    ]
    assert not untagged


def test_a_pipeline_without_nodes_needs_no_lock(tmp_path):
    hooks_of(tmp_path).before_pipeline_run({}, Pipeline([]))
    assert not (tmp_path / ".locks").exists()
