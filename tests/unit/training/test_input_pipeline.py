"""What a global batch holds does not depend on the number of workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage import idx
from crosscloud_mnist.training import input_pipeline
from crosscloud_mnist.training.job import Shard, TrainingJob


def with_config(job: TrainingJob, **changes: object) -> TrainingJob:
    return replace(job, config=replace(job.config, **changes))


def global_batches(job, workers, steps):
    """Join the batches of all workers, as sets: the order within a batch does not matter."""
    streams = [
        iter(input_pipeline.training_batches(job, workers, rank, 1)) for rank in range(workers)
    ]
    for _ in range(steps):
        parts = [next(each) for each in streams]
        yield Counter(
            (bytes(image), int(label))
            for images, labels in parts
            for image, label in zip(images.numpy(), labels.numpy(), strict=True)
        )


@pytest.mark.parametrize("augment", [False, True])
def test_batches_do_not_depend_on_the_number_of_workers(job, augment):
    job = with_config(job, augment=augment)
    single = list(global_batches(job, 1, 5))
    assert single == list(global_batches(job, 2, 5)) == list(global_batches(job, 4, 5))
    assert all(batch.total() == job.config.global_batch_size for batch in single)


def test_another_seed_draws_other_batches(job):
    other = with_config(job, seed=job.config.seed + 1)
    assert list(global_batches(job, 1, 2)) != list(global_batches(other, 1, 2))


def test_images_keep_their_labels_and_no_two_workers_read_the_same(job):
    seen = []
    for rank in range(2):
        images, labels = next(iter(input_pipeline.training_batches(job, 2, rank, 1)))
        assert images.shape == (32, 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        own = set()
        for index in input_pipeline.own_shards(4, 2, rank):
            shard = job.train[index]
            stored = [
                idx.decode(Path(path).read_bytes(), path) for path in (shard.images, shard.labels)
            ]
            own |= {(bytes(image), int(label)) for image, label in zip(*stored, strict=True)}
        drawn = {(bytes(i), int(y)) for i, y in zip(images.numpy(), labels.numpy(), strict=True)}
        assert drawn <= own
        seen.append(own)
    assert not seen[0] & seen[1]


def test_no_image_is_seen_twice_in_an_epoch_by_any_worker(job, tmp_path):
    ids = np.arange(512, dtype=np.uint16)  # each image holds its number in its first two bytes
    images = np.zeros((len(ids), 28, 28), np.uint8)
    images.reshape(len(ids), -1)[:, :2] = ids.view(np.uint8).reshape(-1, 2)
    labels = np.zeros(len(ids), np.uint8)
    ShardsDataset(path=str(tmp_path), shards=4, image_shape=(28, 28)).save((images, labels))
    shards = ShardsDataset(path=str(tmp_path), shards=4, image_shape=(28, 28), handles=True).load()
    steps = len(ids) // job.config.global_batch_size
    job = replace(with_config(job, steps_per_epoch=steps), train=shards)
    seen = []
    for rank in range(2):
        batches = input_pipeline.training_batches(job, 2, rank, 1).take(2 * steps)
        pixels = np.concatenate([images.numpy().reshape(len(images), -1) for images, _ in batches])
        numbers = np.ascontiguousarray(pixels[:, :2]).view(np.uint16).ravel()
        seen.append(numbers.reshape(2, -1))
    for epoch in range(2):
        drawn = np.concatenate([worker[epoch] for worker in seen])
        assert sorted(drawn.tolist()) == ids.tolist()
    assert not np.intersect1d(*seen).size


def test_two_replicas_of_a_worker_share_its_batch(job):
    expected, _ = next(iter(input_pipeline.training_batches(job, 2, 0, 1)))
    halves = iter(input_pipeline.training_batches(job, 2, 0, 2))
    first, second = next(halves)[0], next(halves)[0]
    np.testing.assert_array_equal(np.concatenate([first, second]), expected)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_validation_has_every_image_once_in_batches_of_one_size(job, workers):
    job = replace(job, validation=job.validation[:3])  # of unequal parts for two workers
    seen = Counter()
    for rank in range(workers):
        batches = list(input_pipeline.validation_batches(job, workers, rank, 1))
        assert len(batches) == input_pipeline.validation_steps(job, workers, 1)
        for images, _, weights in batches:
            assert images.shape == (500, 28, 28)
            seen.update(map(bytes, images.numpy()[weights.numpy() == 1]))
    stored = Counter()
    for shard in job.validation:
        stored.update(map(bytes, idx.decode(Path(shard.images).read_bytes(), shard.images)))
    assert seen == stored


@pytest.mark.parametrize("elastic", [0.0, 1.0])
def test_augmented_images_differ_a_little(job, elastic):
    plain, _ = next(iter(input_pipeline.training_batches(job, 1, 0, 1)))
    augmented = with_config(job, augment=True, elastic_sigma=elastic)
    changed, _ = next(iter(input_pipeline.training_batches(augmented, 1, 0, 1)))
    plain, changed = plain.numpy().astype(float), changed.numpy().astype(float)
    assert (abs(plain - changed).max(axis=(1, 2)) > 20).mean() > 0.9
    assert abs(plain.sum(axis=(1, 2)) / changed.sum(axis=(1, 2)) - 1).mean() < 0.25


def test_a_batch_that_does_not_divide_among_the_shards_is_rejected(job):
    with pytest.raises(
        ConfigurationError, match="a batch of 30 does not divide among 4 shards, expected a mult"
    ):
        input_pipeline.check_sharding(with_config(job, global_batch_size=30), 2)


@pytest.mark.parametrize(
    ("change", "workers", "message"),
    [
        ({}, 3, "4 training shards do not divide among 3 slots"),
        ({"train": ()}, 1, "0 training shards"),
        ({"validation": (Shard("images", "labels", 0),)}, 1, "images has no image"),
    ],
)
def test_shards_that_do_not_divide_among_the_workers_are_rejected(job, change, workers, message):
    with pytest.raises(ConfigurationError, match=message):
        input_pipeline.check_sharding(replace(job, **change), workers)
