"""Which rows are left to score, whatever the chunks of earlier runs were."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosscloud_mnist.adapters.spark.pixel_parts import (
    Part,
    group,
    holds_parts,
    mark,
    read_scored,
    remove_scored,
    split,
)


def part(start, stop, file="file:/a", modified=1):
    return Part(file, modified, 10, start, stop)


@pytest.mark.parametrize(
    ("scored", "left"),
    [
        ([], [(0, 100)]),
        ([(0, 100)], []),
        ([(0, 30)], [(30, 100)]),
        ([(70, 100), (20, 30)], [(0, 20), (30, 70)]),
        ([(0, 30), (20, 50), (50, 60)], [(60, 100)]),
        ([(0, 200)], []),
        ([(150, 200)], [(0, 100)]),
    ],
)
def test_what_was_scored_in_other_chunks_is_left_out(scored, left):
    earlier = [part(*rows) for rows in scored]
    assert remove_scored([part(0, 100)], earlier) == [part(*rows) for rows in left]


def test_a_file_that_changed_is_scored_again():
    assert remove_scored([part(0, 9, modified=2)], [part(0, 9)]) == [part(0, 9, modified=2)]


def test_a_part_is_split_at_the_chunk_size():
    assert split([part(5, 12), part(0, 1)], 3) == [
        [part(5, 8)],
        [part(8, 11)],
        [part(11, 12)],
        [part(0, 1)],
    ]


def test_small_files_share_a_chunk_and_a_large_one_is_its_own():
    small, large = [part(0, 4, name) for name in "abc"], part(0, 50, "d")
    assert group([*small, large], 8) == [small[:2], small[2:], [large]]


def test_an_output_file_names_its_parts_and_their_errors(tmp_path):
    table = pa.table({"file": ["1", "2"]})
    parts = [part(0, 1), part(3, 4, "file:/b")]
    pq.write_table(mark(table, parts, {"file:/b": 1}), tmp_path / "0123456789ab-1.parquet")
    pq.write_table(table, tmp_path / "0123456789ab-2.parquet")
    assert read_scored(tmp_path, "0123456789abcdef") == {parts[0]: 0, parts[1]: 1}
    assert read_scored(tmp_path, "f" * 16) == {}
    assert holds_parts(tmp_path / "0123456789ab-1.parquet")
    assert not holds_parts(tmp_path / "0123456789ab-2.parquet")
