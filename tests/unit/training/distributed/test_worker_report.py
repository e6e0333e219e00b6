"""The driver accepts a result only if the worker reports agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training.distributed.worker_report import (
    exchange_reports,
    verify_worker_reports,
)
from crosscloud_mnist.training.result import EpochMetrics, TrainingResult, WorkerReport


def report(rank: int, **change: object) -> WorkerReport:
    shards = (rank, rank + 2)
    return replace(WorkerReport(rank, "host", shards, 256, "float32", "ab" * 32), **change)


def result(*worker_reports: WorkerReport, epochs: int = 2) -> TrainingResult:
    history = [
        EpochMetrics(n, 2, 0.5, 0.9, 0.5, 0.9, 0.001, 1.5, 100.0) for n in range(1, epochs + 1)
    ]
    return TrainingResult((), tuple(history), worker_reports)


def test_reports_that_agree_are_accepted(job):
    verify_worker_reports(result(report(0), report(1)), job)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"weights_sha256": "cd" * 32}, "different weights .rank 0 abab.*rank 1 cdcd"),
        ({"shards": (0, 3)}, r"read the shards \[0, 0, 2, 3\], expected each of 4 once"),
        ({"shards": (1,)}, r"read the shards \[0, 1, 2\]"),
        ({"images": 255}, "saw 511 training images, expected 512"),
    ],
)
def test_reports_that_disagree_are_rejected(job, second, message):
    with pytest.raises(TrainingError, match=message) as raised:
        verify_worker_reports(result(report(0), report(1, **second)), job)
    assert "\n" not in str(raised.value)


def test_outside_spark_there_is_one_report():
    assert exchange_reports(report(0)) == (report(0),)


def test_fewer_epochs_are_accepted_only_after_early_stopping(job):
    halves = [replace(report(rank), images=128) for rank in range(2)]
    with pytest.raises(TrainingError, match="ended after 1 of 2 epochs"):
        verify_worker_reports(result(*halves, epochs=1), job)
    # The second epoch is no better than the first.
    patient = replace(job, config=replace(job.config, epochs=3, patience=1))
    verify_worker_reports(result(report(0), report(1), epochs=2), patient)
    with pytest.raises(TrainingError, match="ended after 1 of 3 epochs"):
        verify_worker_reports(result(*halves, epochs=1), patient)
    with pytest.raises(TrainingError, match="saw 256 training images, expected 512"):
        verify_worker_reports(result(*halves, epochs=2), patient)
