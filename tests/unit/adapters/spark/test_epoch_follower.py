"""Following the epochs' records while training blocks the driver."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crosscloud_mnist.adapters.spark.epoch_follower import follow_epochs
from crosscloud_mnist.training import epoch_records
from crosscloud_mnist.training.result import EpochMetrics


def record(folder: Path, number: int) -> EpochMetrics:
    epoch = EpochMetrics(number, 3, 0.5, 0.9, 0.4, 0.95, 0.001, 1.0, 100.0)
    epoch_records.write(str(folder), epoch)
    return epoch


def test_each_epoch_is_reported_once_and_in_order_while_training_runs(tmp_path):
    seen: list[EpochMetrics] = []
    with follow_epochs(str(tmp_path), 3, seen.append):
        first = record(tmp_path, 1)
        until = time.monotonic() + 10
        while not seen and time.monotonic() < until:
            time.sleep(0.05)
        assert seen == [first]
        rest = [record(tmp_path, 3), record(tmp_path, 2)]
    assert seen == [first, rest[1], rest[0]]


def test_records_of_an_earlier_training_are_removed(tmp_path):
    record(tmp_path, 1)
    seen: list[EpochMetrics] = []
    with follow_epochs(str(tmp_path), 3, seen.append):
        pass
    assert seen == []


def test_training_that_fails_ends_the_follower(tmp_path):
    seen: list[EpochMetrics] = []

    def fail() -> None:
        with follow_epochs(str(tmp_path), 3, seen.append):
            record(tmp_path, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [epoch.epoch for epoch in seen] == [1]


def test_an_error_of_the_callback_is_raised(tmp_path):
    def reject(epoch: EpochMetrics) -> None:
        raise ConnectionError("tracking is gone")

    def train() -> None:
        with follow_epochs(str(tmp_path), 3, reject):
            record(tmp_path, 1)

    with pytest.raises(ConnectionError, match="tracking is gone"):
        train()
