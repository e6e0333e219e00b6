"""The trainings that a grid describes."""

from __future__ import annotations

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.pipelines.train_distributed.trials import build_trials


def test_every_entry_of_a_grid_has_a_checkpoint_folder_of_its_own(job, parse, tracker):
    parameters = parse(grid={"learning_rate": [0.1, 0.2]})
    first, second = build_trials(tracker, parameters, job.contract, job.train, job.validation)
    assert (first.job.config.learning_rate, second.job.config.learning_rate) == (0.1, 0.2)
    assert first.job.checkpoint_dir == "checkpoints/run-1-01"
    assert second.job.checkpoint_dir == "checkpoints/run-1-02"
    assert (first.name, second.name) == ("learning_rate=0.1", "learning_rate=0.2")
    assert first.job.train == second.job.train == job.train


@pytest.mark.parametrize(
    ("grid", "mode"), [(None, "custom"), ({"global_batch_size": [8, 16]}, "distributed")]
)
def test_without_a_grid_to_try_there_is_one_training(job, parse, tracker, grid, mode):
    parameters = parse(grid=grid, mode=mode)
    (trial,) = build_trials(tracker, parameters, job.contract, job.train, job.validation)
    assert trial.job.config == job.config
    assert trial.job.checkpoint_dir == "checkpoints/run-1"
    assert trial.name == ""


def test_a_batch_of_the_grid_that_does_not_fit_the_shards_is_rejected_first(job, parse, tracker):
    parameters = parse(grid={"global_batch_size": [64, 30]})
    with pytest.raises(ConfigurationError, match="a batch of 30 does not divide among 4 shards"):
        build_trials(tracker, parameters, job.contract, job.train, job.validation)
