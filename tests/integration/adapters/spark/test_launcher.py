"""The four modes, on a real local Spark with two slots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
from crosscloud_mnist.errors import ConfigurationError, TrainingError
from crosscloud_mnist.training.distributed.worker_report import verify_worker_reports
from crosscloud_mnist.training.result import EpochMetrics
from crosscloud_mnist.training.train import train

pytestmark = [pytest.mark.spark, pytest.mark.slow]

MODES = ("single", "local", "distributed", "custom")


@pytest.fixture(scope="module")
def launcher():
    return SparkLauncher(master="local[2]", slots=2)


@pytest.fixture(scope="module")
def results(job, launcher):
    # Adam makes much of the last bits' differences.
    job = replace(job, config=replace(job.config, optimizer="sgd"))
    followed: dict[str, list[EpochMetrics]] = {mode: [] for mode in MODES}
    trained = {mode: launcher.launch(train, job, mode, followed[mode].append) for mode in MODES}
    return trained, followed


@pytest.mark.parametrize("mode", MODES)
def test_the_ranks_agree_and_every_epoch_is_followed_once(job, results, mode):
    trained, followed = results
    verify_worker_reports(trained[mode], job)
    assert tuple(followed[mode]) == trained[mode].history


@pytest.mark.parametrize("mode", ["distributed", "custom"])
def test_two_barrier_tasks_read_their_own_shards(results, mode):
    first, second = results[0][mode].worker_reports
    assert (first.rank, first.shards, first.images) == (0, (0, 2), 256)
    assert (second.rank, second.shards, second.images) == (1, (1, 3), 256)
    assert first.weights_sha256 == second.weights_sha256


def test_one_slot_and_two_train_the_same_model(results):
    trained, _ = results
    for mode in ("local", "distributed", "custom"):
        for one, other in zip(trained["single"].weights, trained[mode].weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert trained["distributed"].worker_reports == trained["custom"].worker_reports


def test_too_few_slots_are_named(job):
    few = SparkLauncher(master="local[1]", slots=2)
    with pytest.raises(ConfigurationError, match="Spark has 1 slots, expected 2"):
        few.launch(train, job, "distributed", lambda _: None)


def test_a_failed_task_is_one_line(job, launcher, tmp_path):
    missing = tmp_path / "missing"
    shard = replace(job.train[1], images=str(missing))
    broken = replace(job, train=(job.train[0], shard, *job.train[2:]))
    with pytest.raises(TrainingError, match="a Spark task failed") as raised:
        launcher.launch(train, broken, "distributed", lambda _: None)
    assert "\n" not in str(raised.value)
    assert not list(Path(job.checkpoint_dir).glob("epoch-*.json"))


def test_an_error_of_the_executor_keeps_its_message(job, launcher):
    job = replace(job, config=replace(job.config, global_batch_size=30))
    with pytest.raises(ConfigurationError, match="a batch of 30 does not divide among"):
        launcher.launch(train, job, "distributed", lambda _: None)


def test_an_unknown_mode_is_named(job, launcher):
    with pytest.raises(ConfigurationError, match="expected single, local, distributed, custom"):
        launcher.launch(train, job, "cluster", lambda _: None)
