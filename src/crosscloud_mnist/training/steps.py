"""The compiled steps of an epoch, training and validation, and the totals of their metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.training.config import TrainingConfig

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True)
class StepTotals:
    """What the steps of an epoch add up to.

    Attributes:
        loss: Mean cross-entropy, nats, over all slots together.
        accuracy: 0 to 1, over all slots together.
        cpu_seconds: Processor time of all slots together.
        local_images: Images that this process's own replicas saw.
    """

    loss: float
    accuracy: float
    cpu_seconds: float
    local_images: int


class Steps:
    """The steps of one process; created under the strategy's scope.

    Args:
        config: The settings.
        strategy: Runs each step on every replica.
        class_count: How many classes there are.
        trained_model: The model that the optimizer updates.
        validated_model: The model that is validated: the same, or the moving average.
        optimizer: Already built for the trained model's variables.
        validation_steps: Batches of each replica's validation.
    """

    def __init__(
        self,
        config: TrainingConfig,
        strategy: tf.distribute.Strategy,
        *,
        class_count: int,
        trained_model: keras.Model,
        validated_model: keras.Model,
        optimizer: keras.Optimizer,
        validation_steps: int,
    ) -> None:
        import tensorflow as tf

        self._class_count = class_count
        self._config, self._strategy, self._optimizer = config, strategy, optimizer
        self._trained_model, self._validated_model = trained_model, validated_model
        # Sums of one epoch: loss, correct predictions, images, CPU-seconds. Each replica adds to
        # its own; reading adds them up, so that a step exchanges nothing but the gradients.
        self._totals = tf.Variable(
            tf.zeros(4),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
        self._train_epoch = self._compile(self._training_step, config.steps_per_epoch)
        self._validate_epoch = self._compile(self._validation_step, validation_steps)

    def train(self, batches: Iterator[tuple[tf.Tensor, ...]]) -> StepTotals:
        """Train for the steps of an epoch on (images, labels)."""
        return self._run(self._train_epoch, batches)

    def validate(self, batches: Iterator[tuple[tf.Tensor, ...]]) -> StepTotals:
        """Validate on (images, labels, weights)."""
        return self._run(self._validate_epoch, batches)

    def _compile(self, step: Callable[..., None], steps: int) -> Any:  # a tf.function
        import tensorflow as tf

        @tf.function(reduce_retracing=False)
        def run(batches: Iterator[tuple[tf.Tensor, ...]]) -> None:
            for _ in tf.range(steps):
                self._strategy.run(step, args=(next(batches),))

        return run

    def _run(
        self, compiled: Callable[..., None], batches: Iterator[tuple[tf.Tensor, ...]]
    ) -> StepTotals:
        import tensorflow as tf

        self._totals.assign(tf.zeros(4))
        start = time.process_time()
        compiled(batches)
        local = self._strategy.experimental_local_results(self._totals)
        local[0].assign_add([0.0, 0.0, 0.0, time.process_time() - start])
        local_images = round(sum(float(replica[2]) for replica in local))
        loss, correct, images, cpu_seconds = self._totals.numpy().tolist()
        return StepTotals(loss / images, correct / images, cpu_seconds, local_images)

    def _training_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        import tensorflow as tf

        images, labels = batch
        with tf.GradientTape() as tape:
            logits = self._trained_model(images, training=True)
            loss = tf.reduce_sum(self._cross_entropy(labels, logits))
            # The optimizer adds the replicas' gradients up: each supplies its share of the mean.
            share = loss / self._config.global_batch_size
        gradients = tape.gradient(share, self._trained_model.trainable_variables)
        self._optimizer.apply(gradients)
        self._add_totals(loss, labels, logits, tf.ones_like(labels, tf.float32))

    def _validation_step(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> None:
        import tensorflow as tf

        images, labels, weights = batch
        logits = self._validated_model(images, training=False)
        loss = tf.reduce_sum(self._cross_entropy(labels, logits) * weights)
        self._add_totals(loss, labels, logits, weights)

    def _add_totals(
        self, loss: tf.Tensor, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor
    ) -> None:
        import tensorflow as tf

        predicted = tf.argmax(logits, axis=1, output_type=tf.int32)
        correct = tf.cast(predicted == tf.cast(labels, tf.int32), tf.float32) * weights
        sums = [loss, tf.reduce_sum(correct), tf.reduce_sum(weights), tf.zeros(())]
        self._totals.assign_add(tf.stack(sums))

    def _cross_entropy(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy [n], nats, of labels that are smoothed over all classes.

        Validation smooths them as training does: against hard labels, the loss of a model that is
        trained on smooth ones grows while its accuracy does.
        """
        import tensorflow as tf

        smoothing = self._config.label_smoothing
        off_value = smoothing / self._class_count
        targets = tf.one_hot(labels, self._class_count, 1 - smoothing + off_value, off_value)
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)
