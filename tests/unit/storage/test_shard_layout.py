from __future__ import annotations

from pathlib import Path

import numpy as np

from crosscloud_mnist.storage import idx, shard_layout


def test_a_shard_is_a_numbered_pair_of_files(tmp_path: Path) -> None:
    images, labels = shard_layout.shard_paths(tmp_path, 3, 8)
    assert images == tmp_path / "00003-of-00008-images-idx3-ubyte"
    assert labels == tmp_path / "00003-of-00008-labels-idx1-ubyte"


def test_headers_are_those_of_the_idx_files() -> None:
    images, labels = np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8)
    assert idx.encode(images)[: shard_layout.IMAGES_HEADER_BYTES] == shard_layout.images_header(3)
    assert idx.encode(labels)[: shard_layout.LABELS_HEADER_BYTES] == shard_layout.labels_header(3)


def test_the_count_is_read_from_the_header(tmp_path: Path) -> None:
    _, labels = shard_layout.shard_paths(tmp_path, 0, 1)
    labels.write_bytes(shard_layout.labels_header(70_000))
    assert shard_layout.read_count(labels) == 70_000


def test_old_shards_are_removed_and_one_set_can_stay(tmp_path: Path) -> None:
    for shards in (2, 4):
        for path in shard_layout.shard_paths(tmp_path, 0, shards):
            path.touch()
    other = tmp_path / "notes.txt"
    other.touch()
    shard_layout.remove_shards(tmp_path, keep=4)
    assert set(tmp_path.iterdir()) == {other, *shard_layout.shard_paths(tmp_path, 0, 4)}
    shard_layout.remove_shards(tmp_path)
    assert list(tmp_path.iterdir()) == [other]
