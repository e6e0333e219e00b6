"""The four modes, on a real local Spark with two slots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosscloud_mnist.adapters.spark import Launcher
from crosscloud_mnist.errors import ConfigurationError, TrainingError
from crosscloud_mnist.training.loop import train
from crosscloud_mnist.training.plan import Epoch
from crosscloud_mnist.training.proofs import verify_proofs

MODES = ("single", "local", "distributed", "custom")


@pytest.fixture(scope="module")
def launcher():
    return Launcher(master="local[2]", slots=2)


@pytest.fixture(scope="module")
def outcomes(plan, launcher):
    plan = replace(plan, optimizer="sgd")  # Adam makes much of the last bits' differences
    followed: dict[str, list[Epoch]] = {mode: [] for mode in MODES}
    done = {mode: launcher.launch(train, plan, mode, followed[mode].append) for mode in MODES}
    return done, followed


@pytest.mark.parametrize("mode", MODES)
def test_the_ranks_agree_and_every_epoch_is_followed_once(plan, outcomes, mode):
    done, followed = outcomes
    verify_proofs(done[mode], plan)
    assert tuple(followed[mode]) == done[mode].history


@pytest.mark.parametrize("mode", ["distributed", "custom"])
def test_two_barrier_tasks_read_their_own_shards(outcomes, mode):
    first, second = outcomes[0][mode].proofs
    assert (first.rank, first.shards, first.images) == (0, (0, 2), 256)
    assert (second.rank, second.shards, second.images) == (1, (1, 3), 256)
    assert first.weights_sha256 == second.weights_sha256


def test_one_slot_and_two_train_the_same_model(outcomes):
    done, _ = outcomes
    for mode in ("local", "distributed", "custom"):
        for one, other in zip(done["single"].weights, done[mode].weights, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert done["distributed"].proofs == done["custom"].proofs


def test_says_that_there_are_too_few_slots(plan):
    few = Launcher(master="local[1]", slots=2)
    with pytest.raises(ConfigurationError, match="Spark has 1 slots, expected 2"):
        few.launch(train, plan, "distributed", lambda _: None)


def test_says_in_one_line_why_a_task_was_lost(plan, launcher, tmp_path):
    lost = tmp_path / "gone"
    shard = replace(plan.train[1], images=str(lost))
    broken = replace(plan, train=(plan.train[0], shard, *plan.train[2:]))
    with pytest.raises(TrainingError, match="a Spark task was lost") as raised:
        launcher.launch(train, broken, "distributed", lambda _: None)
    assert "\n" not in str(raised.value)
    assert not list(Path(plan.records).glob("epoch-*.json"))


def test_a_wrong_plan_is_said_from_the_executor(plan, launcher):
    with pytest.raises(ConfigurationError, match="a batch of 30 cannot be drawn evenly"):
        launcher.launch(train, replace(plan, batch=30), "distributed", lambda _: None)


def test_refuses_a_mode_that_does_not_exist(plan, launcher):
    with pytest.raises(ConfigurationError, match="expected single, local, distributed or custom"):
        launcher.launch(train, plan, "cluster", lambda _: None)
