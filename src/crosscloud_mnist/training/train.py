"""The one training function, for all four modes.

Keras 3's ``fit`` does not run under MultiWorkerMirroredStrategy (keras issue 20585), so the steps
are written out: https://www.tensorflow.org/tutorials/distribute/custom_training. A whole epoch is
one ``tf.function``: no Python runs between two steps.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from crosscloud_mnist.training import input_pipeline
from crosscloud_mnist.training.distributed.precision import choose_precision
from crosscloud_mnist.training.distributed.worker_context import get_worker_context
from crosscloud_mnist.training.distributed.worker_report import exchange_reports
from crosscloud_mnist.training.early_stopping import select_best_epoch
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult, WorkerReport
from crosscloud_mnist.training.trainer import Trainer


def train(job: TrainingJob) -> TrainingResult:
    """Train on this slot, together with the others where the strategy has more than one.

    The strategy is the one in scope (MirroredStrategyRunner's, or TensorFlow's default for a
    single process); with ``job.create_strategy`` the function creates its own, from ``TF_CONFIG``.

    Args:
        job: What to train.

    Returns:
        The weights, the epochs' metrics and every rank's report.

    Raises:
        ConfigurationError: The job does not fit the number of slots.
        TrainingError: A checkpoint or a record could not be written.
    """
    # TensorFlow turns these kernels on by itself only where the processor has AVX-512; with AVX2
    # they take two thirds of the time. It reads this when it is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import tensorflow as tf

    if job.create_strategy:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    context = get_worker_context(strategy)
    input_pipeline.check_sharding(job, context.workers)
    precision = choose_precision(job.config.precision)
    with strategy.scope(), _dtype_policy(precision):
        trainer = Trainer(job, strategy, context)
    if job.initial_epoch:
        trainer.resume()
    trainer.run()
    weights, history = trainer.weights(), tuple(trainer.history)
    report = WorkerReport(
        rank=context.rank,
        host=socket.gethostname(),
        shards=input_pipeline.own_shards(len(job.train), context.workers, context.rank),
        images=trainer.images_seen,
        precision=precision,
        weights_sha256=hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest(),
    )
    selected = select_best_epoch(history) if job.config.restore_best_weights else history[-1]
    return TrainingResult(weights, history, exchange_reports(report), selected.epoch)


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
