"""Following the epochs' records while training blocks the driver."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from crosscloud_mnist.adapters.spark.epoch_follower import follow_epochs
from crosscloud_mnist.storage import atomic
from crosscloud_mnist.training.result import EpochMetrics


def record(folder: Path, number: int) -> EpochMetrics:
    epoch = EpochMetrics(number, 3, 0.5, 0.9, 0.4, 0.95, 0.001, 1.0, 100.0)
    atomic.write_bytes(folder / f"epoch-{number:04d}.json", json.dumps(asdict(epoch)).encode())
    return epoch


def test_calls_for_each_epoch_once_in_order_while_training_runs(tmp_path):
    seen: list[EpochMetrics] = []
    with follow_epochs(str(tmp_path), 3, seen.append):
        first = record(tmp_path, 1)
        until = time.monotonic() + 10
        while not seen and time.monotonic() < until:
            time.sleep(0.05)
        assert seen == [first]
        rest = [record(tmp_path, 3), record(tmp_path, 2)]
    assert seen == [first, rest[1], rest[0]]


def test_forgets_an_earlier_training(tmp_path):
    record(tmp_path, 1)
    seen: list[EpochMetrics] = []
    with follow_epochs(str(tmp_path), 3, seen.append):
        pass
    assert seen == []


def test_training_that_is_lost_ends_the_following_too(tmp_path):
    seen: list[EpochMetrics] = []

    def lose() -> None:
        with follow_epochs(str(tmp_path), 3, seen.append):
            record(tmp_path, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lose()
    assert [epoch.epoch for epoch in seen] == [1]


def test_what_the_tracking_raises_is_not_swallowed(tmp_path):
    def refuse(epoch: EpochMetrics) -> None:
        raise ConnectionError("tracking is gone")

    def train() -> None:
        with follow_epochs(str(tmp_path), 3, refuse):
            record(tmp_path, 1)

    with pytest.raises(ConnectionError, match="tracking is gone"):
        train()
