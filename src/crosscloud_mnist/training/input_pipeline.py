"""The sharded feed: every worker opens its own shards alone, and streams them.

Each shard is a stream of its own that gives the same number of images to every global batch.
Worker r of W reads the shards r, r + W, ...: what a global batch holds does not depend on W, no
image is seen by two workers, and memory does not grow with the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage.image_format import IMAGE_PIXELS, IMAGE_SIDE
from crosscloud_mnist.storage.shard_layout import IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES
from crosscloud_mnist.training.augment import augment
from crosscloud_mnist.training.job import Shard, TrainingJob

if TYPE_CHECKING:
    import tensorflow as tf

_SHUFFLE_WINDOW = 10_000  # images, over all shards together
_VALIDATION_BATCH = 500


def own_shards(shards: int, workers: int, rank: int) -> tuple[int, ...]:
    """Return the indices of the shards that worker ``rank`` of ``workers`` reads."""
    return tuple(range(rank, shards, workers))


def check(job: TrainingJob, workers: int) -> None:
    """Refuse a job whose batch cannot be dealt evenly.

    Raises:
        ConfigurationError: The shards cannot be dealt evenly to the workers, the batch not to the
            shards, or a shard has no image.
    """
    shards = len(job.train)
    if not shards or shards % workers:
        raise ConfigurationError(
            f"{shards} training shards cannot be dealt to {workers} slots, expected a multiple; "
            "set another number of slots, or of shards in the catalog"
        )
    if job.global_batch_size % shards:
        raise ConfigurationError(
            f"a batch of {job.global_batch_size} cannot be drawn evenly from {shards} shards, "
            "expected a multiple; set train_distributed.settings.global_batch_size"
        )
    for shard in (*job.train, *job.validation):
        if not shard.count:
            raise ConfigurationError(
                f"{shard.images} has no image, expected some in every shard; set a smaller "
                "number of shards in the catalog"
            )


def training_batches(job: TrainingJob, workers: int, rank: int, replicas: int) -> tf.data.Dataset:
    """Return an endless feed of one worker, from where ``job.initial_epoch`` epochs have ended.

    Args:
        job: The shards, the global batch and the seed.
        workers: Number of workers.
        rank: Which of them this is, from 0.
        replicas: Devices of this worker; each takes an equal part of its batch.

    Returns:
        (images [b, 28, 28], labels [b]), uint8, b = batch / workers / replicas.
    """
    import tensorflow as tf

    share = job.global_batch_size // len(job.train)
    window = max(_SHUFFLE_WINDOW // len(job.train), share)
    streams = tuple(
        _stream(job, index, share, window) for index in own_shards(len(job.train), workers, rank)
    )
    feed = tf.data.Dataset.zip(streams).map(_joined)
    if replicas > 1:
        feed = feed.rebatch(job.global_batch_size // workers // replicas, drop_remainder=True)
    return _with_options(feed).prefetch(4)


def validation_batches(job: TrainingJob, workers: int, rank: int, replicas: int) -> tf.data.Dataset:
    """Return a feed of one worker that has each of its validation images once.

    Every replica gets the same number of batches of one size, as collective operations need; what
    fills them up has the weight 0.

    Returns:
        (images [b, 28, 28] uint8, labels [b] uint8, weights [b] float32).
    """
    import tensorflow as tf

    shards = [job.validation[i] for i in own_shards(len(job.validation), workers, rank)]
    real = tf.data.Dataset.from_tensors((tf.zeros((), tf.string),) * 2).take(0)
    for shard in shards:
        real = real.concatenate(_records(shard))
    weighted = real.map(lambda image, label: (image, label, tf.ones(())))
    blank = tf.constant(b"\0" * IMAGE_PIXELS), tf.constant(b"\0"), tf.zeros(())
    filled = weighted.concatenate(tf.data.Dataset.from_tensors(blank).repeat())
    batches = filled.batch(_VALIDATION_BATCH, drop_remainder=True)
    return _with_options(
        batches.map(
            lambda images, labels, weights: (
                *_decoded(images, labels, _VALIDATION_BATCH),
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
    return -(-max(counts) // (_VALIDATION_BATCH * replicas))


def _stream(job: TrainingJob, index: int, share: int, window: int) -> tf.data.Dataset:
    import tensorflow as tf

    seed = job.seed * len(job.train) + index
    drawn = job.initial_epoch * job.steps_per_epoch
    batches = (
        _records(job.train[index])
        .shuffle(window, seed=seed)
        .repeat()
        .batch(share, drop_remainder=True)
        .skip(drawn)
        .map(lambda images, labels: _decoded(images, labels, share))
    )
    if not job.augment:
        return batches
    return tf.data.Dataset.zip((tf.data.Dataset.counter(drawn), batches)).map(
        lambda draw, batch: (augment(batch[0], tf.stack([seed, draw]), job.elastic_sigma), batch[1])
    )


def _records(shard: Shard) -> tf.data.Dataset:
    import tensorflow as tf

    images = tf.data.FixedLengthRecordDataset(shard.images, IMAGE_PIXELS, IMAGES_HEADER_BYTES)
    labels = tf.data.FixedLengthRecordDataset(shard.labels, 1, LABELS_HEADER_BYTES)
    return tf.data.Dataset.zip((images, labels))


def _decoded(images: tf.Tensor, labels: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    import tensorflow as tf

    pixels = tf.io.decode_raw(images, tf.uint8)
    classes = tf.io.decode_raw(labels, tf.uint8)
    return tf.reshape(pixels, (count, IMAGE_SIDE, IMAGE_SIDE)), tf.reshape(classes, (count,))


def _joined(*parts: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    import tensorflow as tf

    return tf.concat([images for images, _ in parts], 0), tf.concat([ys for _, ys in parts], 0)


def _with_options(feed: tf.data.Dataset) -> tf.data.Dataset:
    """Keep to one thread and a fixed order: the feed takes a hundredth of a step's time."""
    import tensorflow as tf

    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = 1
    # Nothing is left to tune, and the tuner's sleep, which doubles, is waited for at the end.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return feed.with_options(options)
