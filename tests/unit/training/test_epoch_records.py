from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from crosscloud_mnist.training import epoch_records
from crosscloud_mnist.training.result import EpochMetrics

METRICS = EpochMetrics(1, 3, 0.5, 0.8, 0.4, 0.9, 0.001, 2.0, 1000.0, 1.5)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    epoch_records.write(str(tmp_path), METRICS)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001.json"]
    assert epoch_records.read(str(tmp_path), 1) == METRICS


def test_an_epoch_that_has_not_ended_has_no_record(tmp_path: Path) -> None:
    assert epoch_records.read(str(tmp_path), 1) is None


def test_records_are_counted_and_cleared(tmp_path: Path) -> None:
    other = tmp_path / "checkpoint-0001.npz"
    other.touch()
    for epoch in (1, 2):
        epoch_records.write(str(tmp_path), replace(METRICS, epoch=epoch))
    assert epoch_records.count(str(tmp_path)) == 2
    epoch_records.clear(str(tmp_path))
    assert list(tmp_path.iterdir()) == [other]


def test_a_record_that_is_being_written_in_place_is_absent(tmp_path: Path) -> None:
    epoch_records.write(str(tmp_path), METRICS)
    (tmp_path / "epoch-0001.json").write_text('{"epoch": 1, "total')
    assert epoch_records.read(str(tmp_path), 1) is None
    (tmp_path / ".epoch-0001.json.incomplete").touch()
    assert epoch_records.count(str(tmp_path)) == 0
