"""The sharded input pipeline: every worker opens its own shards, and streams them.

Each shard is a stream of its own that supplies the same number of images to every global batch.
Worker r of W reads the shards r, r + W, ...: what a global batch holds does not depend on W, no
image is seen by two workers, and memory does not grow with the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage.shard_layout import IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES
from crosscloud_mnist.training.augment import augment
from crosscloud_mnist.training.job import Shard, TrainingJob

if TYPE_CHECKING:
    import tensorflow as tf

_SHUFFLE_WINDOW = 10_000  # images, over all shards together
_VALIDATION_BATCH_SIZE = 500


def own_shards(shards: int, workers: int, rank: int) -> tuple[int, ...]:
    """Return the indices of the shards that worker ``rank`` of ``workers`` reads."""
    return tuple(range(rank, shards, workers))


def check_sharding(job: TrainingJob, workers: int) -> None:
    """Check that all workers get equally many shards, and all shards an equal part of a batch.

    Raises:
        ConfigurationError: The shards do not divide among the workers, the batch does not divide
            among the shards, or a shard has no image.
    """
    shards, batch_size = len(job.train), job.config.global_batch_size
    if not shards or shards % workers:
        raise ConfigurationError(
            f"{shards} training shards do not divide among {workers} slots, expected a multiple; "
            "set another number of slots, or of shards in the catalog"
        )
    if batch_size % shards:
        raise ConfigurationError(
            f"a batch of {batch_size} does not divide among {shards} shards, expected a multiple; "
            "set train_distributed.settings.global_batch_size"
        )
    for shard in (*job.train, *job.validation):
        if not shard.count:
            raise ConfigurationError(
                f"{shard.images} has no image, expected some in every shard; set a smaller "
                "number of shards in the catalog"
            )


def training_batches(job: TrainingJob, workers: int, rank: int, replicas: int) -> tf.data.Dataset:
    """Return the endless training batches of one worker, from ``job.initial_epoch`` on.

    Args:
        job: The shards, the global batch size and the seed.
        workers: Number of workers.
        rank: Which of them this is, from 0.
        replicas: Devices of this worker; each takes an equal part of its batch.

    Returns:
        (images ``[b, *image_shape]``, labels [b]), uint8; b = global batch size / workers /
        replicas.
    """
    import tensorflow as tf

    batch_size = job.config.global_batch_size
    shard_batch_size = batch_size // len(job.train)
    window = max(_SHUFFLE_WINDOW // len(job.train), shard_batch_size)
    streams = tuple(
        _stream_shard(job, index, shard_batch_size, window)
        for index in own_shards(len(job.train), workers, rank)
    )
    batches = tf.data.Dataset.zip(streams).map(_concatenate)
    if replicas > 1:
        batches = batches.rebatch(batch_size // workers // replicas, drop_remainder=True)
    return _with_options(batches).prefetch(4)


def validation_batches(job: TrainingJob, workers: int, rank: int, replicas: int) -> tf.data.Dataset:
    """Return the validation batches of one worker: each of its images once.

    Every replica gets the same number of batches of one size, as collective operations need; what
    pads them has the weight 0.

    Returns:
        (images ``[b, *image_shape]`` uint8, labels [b] uint8, weights [b] float32).
    """
    import tensorflow as tf

    image_shape, image_bytes = job.contract.image_shape, job.contract.image_bytes
    shards = [job.validation[i] for i in own_shards(len(job.validation), workers, rank)]
    records = tf.data.Dataset.from_tensors((tf.zeros((), tf.string),) * 2).take(0)
    for shard in shards:
        records = records.concatenate(_read_records(shard, image_bytes))
    weighted = records.map(lambda image, label: (image, label, tf.ones(())))
    blank = tf.constant(b"\0" * image_bytes), tf.constant(b"\0"), tf.zeros(())
    padded = weighted.concatenate(tf.data.Dataset.from_tensors(blank).repeat())
    batches = padded.batch(_VALIDATION_BATCH_SIZE, drop_remainder=True)
    return _with_options(
        batches.map(
            lambda images, labels, weights: (
                *_decode(images, labels, _VALIDATION_BATCH_SIZE, image_shape),
                weights,
            )
        ).take(validation_steps(job, workers, replicas) * replicas)
    ).prefetch(2)


def validation_steps(job: TrainingJob, workers: int, replicas: int) -> int:
    """Return how many batches each replica takes to have seen every validation image once."""
    counts = [
        sum(job.validation[i].count for i in own_shards(len(job.validation), workers, rank))
        for rank in range(workers)
    ]
    return -(-max(counts) // (_VALIDATION_BATCH_SIZE * replicas))


def _stream_shard(job: TrainingJob, index: int, batch_size: int, window: int) -> tf.data.Dataset:
    """Return the endless batches of one shard, shuffled and augmented by its own seed."""
    import tensorflow as tf

    config, image_shape = job.config, job.contract.image_shape
    seed = config.seed * len(job.train) + index
    first_step = job.initial_epoch * config.steps_per_epoch
    batches = (
        _read_records(job.train[index], job.contract.image_bytes)
        .shuffle(window, seed=seed)
        .repeat()
        .batch(batch_size, drop_remainder=True)
        .skip(first_step)
        .map(lambda images, labels: _decode(images, labels, batch_size, image_shape))
    )
    if not config.augment:
        return batches
    return tf.data.Dataset.zip((tf.data.Dataset.counter(first_step), batches)).map(
        lambda step, batch: (
            augment(batch[0], tf.stack([seed, step]), config.elastic_sigma),
            batch[1],
        )
    )


def _read_records(shard: Shard, image_bytes: int) -> tf.data.Dataset:
    import tensorflow as tf

    images = tf.data.FixedLengthRecordDataset(shard.images, image_bytes, IMAGES_HEADER_BYTES)
    labels = tf.data.FixedLengthRecordDataset(shard.labels, 1, LABELS_HEADER_BYTES)
    return tf.data.Dataset.zip((images, labels))


def _decode(
    images: tf.Tensor, labels: tf.Tensor, count: int, image_shape: tuple[int, ...]
) -> tuple[tf.Tensor, tf.Tensor]:
    import tensorflow as tf

    pixels = tf.io.decode_raw(images, tf.uint8)
    classes = tf.io.decode_raw(labels, tf.uint8)
    return tf.reshape(pixels, (count, *image_shape)), tf.reshape(classes, (count,))


def _concatenate(*parts: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    import tensorflow as tf

    return tf.concat([images for images, _ in parts], 0), tf.concat([ys for _, ys in parts], 0)


def _with_options(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Use one thread and a fixed order: the input takes a hundredth of a step's time."""
    import tensorflow as tf

    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = 1
    # There is nothing to tune, and deleting the iterator waits for the tuner, which sleeps longer
    # each time.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.with_options(options)
