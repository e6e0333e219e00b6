"""The one training function, for all four modes.

Keras 3's ``fit`` does not run under MultiWorkerMirroredStrategy (keras issue 20585), so the steps
are written out: https://www.tensorflow.org/tutorials/distribute/custom_training. A whole epoch is
one ``tf.function``: no Python runs between two steps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosscloud_mnist.training import feed
from crosscloud_mnist.training.choice import best_epoch
from crosscloud_mnist.training.plan import Outcome, Plan, Proof
from crosscloud_mnist.training.precision import choose_precision
from crosscloud_mnist.training.proofs import exchange
from crosscloud_mnist.training.trainer import Place, Trainer

if TYPE_CHECKING:
    import tensorflow as tf


def train(plan: Plan) -> Outcome:
    """Train on this slot, together with the others where the strategy has more than one.

    The strategy is the one in scope (MirroredStrategyRunner's, or TensorFlow's default for a
    single process); with ``plan.own_strategy`` the function makes its own, from ``TF_CONFIG``.

    Args:
        plan: What to train.

    Returns:
        The weights, the epochs' figures and every rank's proof.

    Raises:
        ConfigurationError: The plan does not fit the number of slots.
    """
    # TensorFlow turns these kernels on by itself only where the processor has AVX-512; with AVX2
    # they take two thirds of the time. It reads this when it is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import tensorflow as tf

    if plan.own_strategy:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    place = _place(strategy)
    feed.check(plan, place.workers)
    precision = choose_precision(plan.precision)
    with strategy.scope(), _policy(precision):
        trainer = Trainer(plan, strategy, place)
    if plan.done:
        trainer.resume()
    trainer.run()
    weights = trainer.weights()
    proof = Proof(
        rank=place.rank,
        host=os.uname().nodename,
        shards=feed.own_shards(len(plan.train), place.workers, place.rank),
        images=trainer.images_seen(),
        precision=precision,
        weights_sha256=hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest(),
    )
    chosen = best_epoch(trainer.history).number if plan.keep_best else len(trainer.history)
    return Outcome(weights, tuple(trainer.history), exchange(proof), chosen)


def _place(strategy: tf.distribute.Strategy) -> Place:
    resolver = strategy.cluster_resolver
    workers = len(resolver.cluster_spec().as_dict().get("worker", ())) if resolver else 0
    if workers <= 1:
        return Place(0, 1, strategy.num_replicas_in_sync)
    return Place(resolver.task_id, workers, strategy.num_replicas_in_sync // workers)


@contextmanager
def _policy(name: str) -> Iterator[None]:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
