from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx, shard_layout


def test_a_shard_is_a_numbered_pair_of_files(tmp_path: Path) -> None:
    images, labels = shard_layout.shard_paths(tmp_path, 3, 8)
    assert images == tmp_path / "00003-of-00008-images-idx3-ubyte"
    assert labels == tmp_path / "00003-of-00008-labels-idx1-ubyte"


def test_headers_are_those_of_the_idx_files() -> None:
    images, labels = np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8)
    assert idx.encode(images)[: shard_layout.IMAGES_HEADER_BYTES] == shard_layout.images_header(
        3, (28, 28)
    )
    assert idx.encode(labels)[: shard_layout.LABELS_HEADER_BYTES] == shard_layout.labels_header(3)


def write_pair(folder: Path, count: int) -> tuple[Path, Path]:
    images, labels = shard_layout.shard_paths(folder, 0, 1)
    images.write_bytes(idx.encode(np.zeros((count, 28, 28), np.uint8)))
    labels.write_bytes(idx.encode(np.zeros(count, np.uint8)))
    return images, labels


def test_the_size_of_a_pair_is_read_from_its_files(tmp_path: Path) -> None:
    assert shard_layout.read_pair_size(*write_pair(tmp_path, 5), (28, 28), remedy="run again") == 5


@pytest.mark.parametrize("size", [0, 3, 7, 12, 14])
def test_labels_of_another_length_than_the_header_says_are_rejected(
    tmp_path: Path, size: int
) -> None:
    images, labels = write_pair(tmp_path, 5)
    labels.write_bytes(labels.read_bytes()[:size].ljust(size, b"\0"))
    with pytest.raises(IdxError, match="expected IDX files of equally many images .*; run again"):
        shard_layout.read_pair_size(images, labels, (28, 28), remedy="run again")


def test_a_sparse_file_of_more_labels_than_a_header_can_count_is_rejected(tmp_path: Path) -> None:
    images, labels = write_pair(tmp_path, 5)
    os.truncate(labels, 2**32 + 100)
    with pytest.raises(IdxError, match="expected IDX files of equally many images"):
        shard_layout.read_pair_size(images, labels, (28, 28), remedy="run again")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    images, labels = write_pair(tmp_path, 5)
    labels.unlink()
    with pytest.raises(IdxError, match=r"00000-of-00001-labels.*No such file.*; run again"):
        shard_layout.read_pair_size(images, labels, (28, 28), remedy="run again")


def test_all_shards_are_removed_and_no_other_file(tmp_path: Path) -> None:
    for shards in (2, 4):
        for path in shard_layout.shard_paths(tmp_path, 0, shards):
            path.touch()
    other = tmp_path / "notes.txt"
    other.touch()
    (tmp_path / f".{shard_layout.shard_paths(tmp_path, 1, 4)[0].name}.incomplete").touch()
    shard_layout.remove_shards(tmp_path)
    assert list(tmp_path.iterdir()) == [other]
