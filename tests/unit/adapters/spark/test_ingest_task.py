"""Which shard an image goes to."""

from __future__ import annotations

import doctest
from collections import Counter

from crosscloud_mnist.adapters.spark import ingest_task
from crosscloud_mnist.adapters.spark.ingest_task import ShardAssignment, assign_shard
from rehearsal.mnist_contract import mnist_contract

ASSIGNMENT = ShardAssignment(
    (("images", "labels"),) * 7,
    training_shards=4,
    validation_shards=2,
    validation_fraction=0.25,
    seed=1,
    contract=mnist_contract(),
)


def test_the_worked_example_holds():
    results = doctest.testmod(ingest_task)
    assert results.attempted == 6
    assert results.failed == 0


def test_training_images_fill_the_shards_evenly():
    shards = Counter(assign_shard(ASSIGNMENT, (0, "part-0"), index)[0] for index in range(4000))
    assert set(shards) == set(range(6))
    assert all(650 < shards[shard] < 850 for shard in range(4))
    assert all(400 < shards[shard] < 600 for shard in (4, 5))


def test_the_shard_does_not_depend_on_the_other_parts():
    first = assign_shard(ASSIGNMENT, (0, "part-3"), 7)
    assert first == assign_shard(ASSIGNMENT, (9, "part-3"), 7)


def test_test_images_keep_their_order_over_several_parts():
    parts = [(4, "t10k-a"), (5, "t10k-b")]
    keys = [assign_shard(ASSIGNMENT, part, index) for part in parts for index in range(3)]
    assert keys == sorted(keys)
    assert {key[0] for key in keys} == {6}
