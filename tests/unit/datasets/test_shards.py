"""Shards are loaded as they were saved, and every worker can open its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx


@pytest.fixture
def labelled():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (37, 28, 28), np.uint8), random.integers(0, 10, 37, np.uint8)


@pytest.mark.parametrize("shards", [1, 4])
def test_arrays_are_loaded_in_the_order_they_were_saved_in(tmp_path, labelled, shards):
    dataset = ShardsDataset(path=str(tmp_path), shards=shards, image_shape=(28, 28))
    assert not dataset.exists()
    dataset.save(labelled)
    assert dataset.exists()
    images, labels = dataset.load()
    np.testing.assert_array_equal(images, labelled[0])
    np.testing.assert_array_equal(labels, labelled[1])


def test_every_image_is_in_one_shard_and_shards_are_counted(tmp_path, labelled):
    ShardsDataset(path=str(tmp_path), shards=4, image_shape=(28, 28)).save(labelled)
    shards = ShardsDataset(path=str(tmp_path), shards=4, image_shape=(28, 28), handles=True).load()
    assert [shard.count for shard in shards] == [10, 9, 9, 9]
    for index, shard in enumerate(shards):
        content = Path(shard.images).read_bytes()
        np.testing.assert_array_equal(idx.decode(content, shard.images), labelled[0][index::4])


def test_shards_of_an_earlier_run_are_removed(tmp_path, labelled):
    ShardsDataset(path=str(tmp_path), shards=8, image_shape=(28, 28)).save(labelled)
    ShardsDataset(path=str(tmp_path), shards=2, image_shape=(28, 28)).save(labelled)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_missing_shard_is_named(tmp_path, labelled, raises_cause):
    dataset = ShardsDataset(path=str(tmp_path), shards=4, image_shape=(28, 28), handles=True)
    dataset.save(labelled)
    (tmp_path / "00002-of-00004-labels-idx1-ubyte").unlink()
    with raises_cause(IdxError, "00002-of-00004.*run kedro run --pipelines ingest_mnist"):
        dataset.load()


def test_colour_images_are_stored_as_rows_and_loaded_in_their_shape(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
    dataset = ShardsDataset(path=str(tmp_path), shards=2, image_shape=[4, 6, 3])
    dataset.save((images, np.arange(5, dtype=np.uint8)))
    np.testing.assert_array_equal(dataset.load()[0], images)
    stored = (tmp_path / "00000-of-00002-images-idx3-ubyte").read_bytes()
    assert idx.decode(stored, "stored").shape == (3, 4, 18)


def test_shards_of_another_contract_are_rejected(tmp_path, labelled, raises_cause):
    ShardsDataset(path=str(tmp_path), shards=2, image_shape=(28, 28)).save(labelled)
    other = ShardsDataset(path=str(tmp_path), shards=2, image_shape=(14, 28), handles=True)
    with raises_cause(IdxError, "images of 14 x 28 and labels; run kedro run"):
        other.load()
