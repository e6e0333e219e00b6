"""Model, optimizer and the compiled steps of an epoch, of one process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.storage.image_format import CLASS_COUNT
from crosscloud_mnist.training import checkpoint, epoch_records, input_pipeline
from crosscloud_mnist.training.early_stopping import is_finished, select_best_epoch
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.models import build
from crosscloud_mnist.training.optimizer import build_optimizer
from crosscloud_mnist.training.result import EpochMetrics

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True)
class WorkerContext:
    """Where among the workers this process stands."""

    rank: int
    workers: int
    replicas: int


class Trainer:
    """Model, optimizer and compiled epochs of one process; made under the strategy's scope."""

    def __init__(
        self, job: TrainingJob, strategy: tf.distribute.Strategy, context: WorkerContext
    ) -> None:
        import keras
        import tensorflow as tf

        self._job, self._strategy, self._context = job, strategy, context
        self._model = build(job.model, job.seed)
        # What is validated and taken: the model itself, or one that holds the average's weights.
        self._taken = build(job.model, job.seed) if job.ema_momentum else self._model
        self._optimizer = build_optimizer(job)
        self._optimizer.build(self._model.trainable_variables)
        self._best = [
            keras.Variable(weight.numpy(), trainable=False, name=f"best_{weight.name}")
            for weight in (self._taken.weights if job.restore_best_weights else ())
        ]
        # Sums of one epoch: loss, right answers, images, CPU-seconds. Each replica adds to its
        # own; reading adds them up, so that a step needs no exchange but the gradients'.
        self._totals = tf.Variable(
            tf.zeros(4),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
        self._training = self._compile(self._training_step, job.steps_per_epoch)
        self._validation = self._compile(
            self._validation_step,
            input_pipeline.validation_steps(job, context.workers, context.replicas),
        )
        self._images_seen = 0
        self.history: list[EpochMetrics] = []

    def images_seen(self) -> int:
        """Return how many training images this process's own replicas have seen."""
        return self._images_seen

    def weights(self) -> tuple[NDArray[np.float32], ...]:
        """Return the weights to take: the best epoch's where the job keeps them, or the last."""
        chosen = self._best or self._taken.weights
        return tuple(np.asarray(weight.numpy()) for weight in chosen)

    def resume(self) -> None:
        """Take up the state after ``job.initial_epoch`` epochs, as it was."""
        found = checkpoint.load(self._job.checkpoint_dir, self._job.initial_epoch)
        for variable, value in zip(self._variables(), found.variables, strict=True):
            variable.assign(value)
        self.history.extend(found.history)
        images = self._job.initial_epoch * self._job.steps_per_epoch * self._job.global_batch_size
        self._images_seen = images // self._context.workers
        for epoch in found.history:  # the attempt may have ended between checkpoint and record
            self._record(epoch)

    def run(self) -> None:
        """Train epoch by epoch; rank 0 leaves a checkpoint and a record of each.

        Raises:
            TrainingError: They could not be written.
        """
        import keras

        job = self._job
        batches = iter(self._distributed(input_pipeline.training_batches))
        while not is_finished(job, self.history):
            number = len(self.history) + 1
            start = time.monotonic()
            loss, accuracy, cpu_seconds = self._run(self._training, batches, count_images=True)
            trained = time.monotonic()
            self._average(number)
            val_loss, val_accuracy, _ = self._run(
                self._validation, iter(self._distributed(input_pipeline.validation_batches))
            )
            images = job.steps_per_epoch * job.global_batch_size
            epoch = EpochMetrics(
                epoch=number,
                total_epochs=job.epochs,
                loss=loss,
                accuracy=accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                learning_rate=float(keras.ops.convert_to_numpy(self._optimizer.learning_rate)),
                seconds=time.monotonic() - start,
                images_per_second=images / (trained - start),
                cpu_seconds=cpu_seconds,
            )
            self.history.append(epoch)
            if self._best and select_best_epoch(self.history) is epoch:
                for best, weight in zip(self._best, self._taken.weights, strict=True):
                    best.assign(weight)
            if self._context.rank == 0:
                try:
                    checkpoint.save(
                        job.checkpoint_dir,
                        self.history,
                        [variable.value.numpy() for variable in self._variables()],
                    )
                    self._record(epoch)
                except OSError as error:
                    raise TrainingError(
                        f"epoch {number} could not be written to {job.checkpoint_dir} "
                        f"({error.strerror}), expected storage that every slot can write to; "
                        "make room there, and run again"
                    ) from error

    def _record(self, epoch: EpochMetrics) -> None:
        if self._context.rank == 0:
            epoch_records.write(self._job.checkpoint_dir, epoch)

    def _average(self, number: int) -> None:
        """Move the average towards the weights of epoch ``number``.

        Until it is long enough it is the plain mean, or the first epochs would never be forgotten.
        """
        if self._taken is self._model:
            return
        kept = min(self._job.ema_momentum, 1 - 1 / number)
        for average, weight in zip(self._taken.weights, self._model.weights, strict=True):
            average.assign(kept * average.numpy() + (1 - kept) * weight.numpy())

    def _variables(self) -> list[keras.Variable]:
        own = [] if self._taken is self._model else self._model.variables
        return [*self._taken.variables, *own, *self._optimizer.variables, *self._best]

    def _distributed(self, batches: Any) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        context = self._context
        own = batches(self._job, context.workers, context.rank, context.replicas)
        if context.replicas == 1:
            # A distributed iterator is tuned by a thread whose sleep doubles up to a minute, and
            # which is waited for when the iterator is let go.
            return own
        return self._strategy.distribute_datasets_from_function(lambda _: own)

    def _compile(self, step: Any, steps: int) -> Any:
        import tensorflow as tf

        @tf.function(reduce_retracing=False)
        def run(batches: Any) -> None:
            for _ in tf.range(steps):
                self._strategy.run(step, args=(next(batches),))

        return run

    def _run(
        self, compiled: Any, batches: Any, *, count_images: bool = False
    ) -> tuple[float, float, float]:
        """Return the mean loss, the accuracy and the CPU-seconds over all slots together."""
        import tensorflow as tf

        self._totals.assign(tf.zeros(4))
        start = time.process_time()
        compiled(batches)
        own = self._strategy.experimental_local_results(self._totals)
        own[0].assign_add([0.0, 0.0, 0.0, time.process_time() - start])
        if count_images:
            self._images_seen += round(sum(float(replica[2]) for replica in own))
        loss, right, images, cpu_seconds = self._totals.numpy().tolist()
        return loss / images, right / images, cpu_seconds

    def _training_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        import tensorflow as tf

        images, labels = batch
        with tf.GradientTape() as tape:
            logits = self._model(images, training=True)
            loss = tf.reduce_sum(self._cross_entropy(labels, logits))
            # The optimizer adds the replicas' gradients up: each brings its share of the mean.
            share = loss / self._job.global_batch_size
        gradients = tape.gradient(share, self._model.trainable_variables)
        self._optimizer.apply(gradients)
        self._add(loss, labels, logits, tf.ones_like(labels, tf.float32))

    def _validation_step(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> None:
        import tensorflow as tf

        images, labels, weights = batch
        logits = self._taken(images, training=False)
        loss = tf.reduce_sum(self._cross_entropy(labels, logits) * weights)
        self._add(loss, labels, logits, weights)

    def _add(
        self, loss: tf.Tensor, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor
    ) -> None:
        import tensorflow as tf

        named = tf.argmax(logits, axis=1, output_type=tf.int32)
        right = tf.cast(named == tf.cast(labels, tf.int32), tf.float32) * weights
        sums = [loss, tf.reduce_sum(right), tf.reduce_sum(weights), tf.zeros(())]
        self._totals.assign_add(tf.stack(sums))

    def _cross_entropy(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy [n], nats, of labels that are smoothed over all classes.

        Validation smooths them as training does: against hard labels, the loss of a model that was
        taught to doubt grows while it learns.
        """
        import tensorflow as tf

        spread = self._job.label_smoothing / CLASS_COUNT
        targets = tf.one_hot(labels, CLASS_COUNT, 1 - self._job.label_smoothing + spread, spread)
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)
