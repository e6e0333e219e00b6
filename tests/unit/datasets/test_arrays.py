"""Named arrays on storage."""

from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError

from crosscloud_mnist.datasets.arrays import ArraysDataset


def test_arrays_are_loaded_in_their_order(tmp_path):
    dataset = ArraysDataset(filepath=str(tmp_path / "arrays.npz"))
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros(0, np.uint8)}
    dataset.save(arrays)
    loaded = dataset.load()
    assert list(loaded) == ["b", "a"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_no_pickle_is_written_and_no_partial_file_left(tmp_path):
    dataset = ArraysDataset(filepath=str(tmp_path / "arrays.npz"))
    with pytest.raises(DatasetError, match="Object arrays cannot be saved"):
        dataset.save({"a": np.array([object()])})
    assert list(tmp_path.iterdir()) == []


def test_an_archive_whose_writer_was_interrupted_is_absent(tmp_path, raises_cause):
    dataset = ArraysDataset(filepath=str(tmp_path / "arrays.npz"))
    dataset.save({"a": np.zeros(1, np.uint8)})
    (tmp_path / ".arrays.npz.incomplete").touch()
    assert not dataset.exists()
    with raises_cause(FileNotFoundError, "Not complete"):
        dataset.load()
