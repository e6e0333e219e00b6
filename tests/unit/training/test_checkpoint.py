"""Checkpoints are atomic, and the newest ones are kept."""

from __future__ import annotations

import numpy as np
import pytest

from crosscloud_mnist.training import checkpoint, epoch_records
from crosscloud_mnist.training.result import EpochMetrics


def epochs(count):
    return [
        EpochMetrics(n, 5, 0.5 / n, 0.9, 0.6 / n, 0.8, 0.001, 1.5, 100.0)
        for n in range(1, count + 1)
    ]


def test_a_checkpoint_is_loaded_as_it_was_saved(tmp_path):
    variables = [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.int64(7),
        np.zeros((), np.float32),
    ]
    checkpoint.save(str(tmp_path), epochs(1), variables)
    loaded = checkpoint.load(str(tmp_path), 1)
    assert list(loaded.history) == epochs(1)
    for value, expected in zip(loaded.variables, variables, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_the_newest_two_are_kept(tmp_path):
    assert checkpoint.last_epoch(str(tmp_path)) == 0
    for count in (1, 2, 3):
        checkpoint.save(str(tmp_path), epochs(count), [])
    assert checkpoint.last_epoch(str(tmp_path)) == 3
    assert len(list(tmp_path.iterdir())) == 2
    checkpoint.clear(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_partly_written_checkpoint_is_ignored(tmp_path):
    checkpoint.save(str(tmp_path), epochs(1), [])
    (tmp_path / ".checkpoint-0002.npz.ab12").write_bytes(b"half")
    assert checkpoint.last_epoch(str(tmp_path)) == 1
    with pytest.raises(OSError, match="checkpoint-0002"):
        checkpoint.load(str(tmp_path), 2)


def test_a_checkpoint_whose_writer_was_interrupted_in_place_is_ignored(tmp_path):
    for count in (1, 2):
        checkpoint.save(str(tmp_path), epochs(count), [])
    (tmp_path / ".checkpoint-0002.npz.incomplete").touch()
    assert checkpoint.last_epoch(str(tmp_path)) == 1
    with pytest.raises(OSError, match="checkpoint-0002"):
        checkpoint.load(str(tmp_path), 2)
    checkpoint.remove_folder(str(tmp_path))
    assert not tmp_path.exists()


def test_the_folder_of_a_training_that_has_ended_is_removed(tmp_path):
    folder = tmp_path / "run"
    checkpoint.save(str(folder), epochs(1), [])
    epoch_records.write(str(folder), epochs(1)[0])
    other = folder / "notes.txt"
    other.touch()
    checkpoint.remove_folder(str(folder))
    assert list(folder.iterdir()) == [other]
    other.unlink()
    checkpoint.remove_folder(str(folder))
    assert not folder.exists()
    checkpoint.remove_folder(str(folder))
