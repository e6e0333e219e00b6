"""The training loop of one process: epochs, moving average, validation, best weights, saving."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training import checkpoint, epoch_records, input_pipeline
from crosscloud_mnist.training.distributed.worker_context import WorkerContext
from crosscloud_mnist.training.early_stopping import is_finished, select_best_epoch
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.models import build
from crosscloud_mnist.training.optimizer import build_optimizer
from crosscloud_mnist.training.result import EpochMetrics
from crosscloud_mnist.training.steps import Steps, StepTotals

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class Trainer:
    """Trains epoch by epoch; created under the strategy's scope.

    Attributes:
        history: The metrics of the epochs so far.
        images_seen: Training images that this process's own replicas have seen.
    """

    def __init__(
        self, job: TrainingJob, strategy: tf.distribute.Strategy, context: WorkerContext
    ) -> None:
        import keras

        config, contract = job.config, job.contract
        self._job, self._strategy, self._context = job, strategy, context
        self._trained_model = build(config.model, contract, config.seed)
        self._uses_moving_average = config.ema_momentum > 0
        # What is validated and exported: the moving average, or the trained model itself.
        self._exported_model = (
            build(config.model, contract, config.seed)
            if self._uses_moving_average
            else self._trained_model
        )
        self._optimizer = build_optimizer(config)
        self._optimizer.build(self._trained_model.trainable_variables)
        self._best_weights = [
            keras.Variable(weight.numpy(), trainable=False, name=f"best_{weight.name}")
            for weight in (self._exported_model.weights if config.restore_best_weights else ())
        ]
        self._steps = Steps(
            config,
            strategy,
            class_count=contract.class_count,
            trained_model=self._trained_model,
            validated_model=self._exported_model,
            optimizer=self._optimizer,
            validation_steps=input_pipeline.validation_steps(
                job, context.workers, context.replicas
            ),
        )
        self.images_seen = 0
        self.history: list[EpochMetrics] = []

    def weights(self) -> tuple[NDArray[np.float32], ...]:
        """Return the weights to export: the best epoch's if the job restores them, or the last."""
        weights = self._best_weights or self._exported_model.weights
        return tuple(np.asarray(weight.numpy()) for weight in weights)

    def resume(self) -> None:
        """Restore the state after ``job.initial_epoch`` epochs."""
        job, config = self._job, self._job.config
        state = checkpoint.load(job.checkpoint_dir, job.initial_epoch)
        for variable, value in zip(self._variables(), state.variables, strict=True):
            variable.assign(value)
        self.history.extend(state.history)
        images = job.initial_epoch * config.steps_per_epoch * config.global_batch_size
        self.images_seen = images // self._context.workers
        if self._context.rank == 0:
            # The attempt may have ended between a checkpoint and its epoch's record.
            for metrics in state.history:
                epoch_records.write(job.checkpoint_dir, metrics)

    def run(self) -> None:
        """Train until all epochs are done or early stopping ends it.

        Raises:
            TrainingError: A checkpoint or a record could not be written.
        """
        batches = self._iterate(input_pipeline.training_batches)
        while not is_finished(self._job.config, self.history):
            start = time.monotonic()
            training = self._train_epoch(batches)
            training_seconds = time.monotonic() - start
            self._update_moving_average()
            validation = self._validate()
            seconds = time.monotonic() - start
            self.history.append(self._metrics(training, training_seconds, validation, seconds))
            self._keep_best_weights()
            self._save()

    def _train_epoch(self, batches: Iterator[tuple[tf.Tensor, ...]]) -> StepTotals:
        totals = self._steps.train(batches)
        self.images_seen += totals.local_images
        return totals

    def _update_moving_average(self) -> None:
        """Move the average towards the trained weights, at an epoch's end.

        During the first epochs, while ``1 - 1 / epoch`` is below ``ema_momentum``, it is the mean
        of all epochs: otherwise the first epoch would keep too much weight.
        """
        if not self._uses_moving_average:
            return
        epoch = len(self.history) + 1
        momentum = min(self._job.config.ema_momentum, 1 - 1 / epoch)
        for average, weight in zip(
            self._exported_model.weights, self._trained_model.weights, strict=True
        ):
            average.assign(momentum * average.numpy() + (1 - momentum) * weight.numpy())

    def _validate(self) -> StepTotals:
        return self._steps.validate(self._iterate(input_pipeline.validation_batches))

    def _keep_best_weights(self) -> None:
        if self._best_weights and select_best_epoch(self.history) is self.history[-1]:
            for best, weight in zip(self._best_weights, self._exported_model.weights, strict=True):
                best.assign(weight)

    def _save(self) -> None:
        """Write the checkpoint, then the record of the last epoch, on rank 0 only."""
        if self._context.rank != 0:
            return
        folder, metrics = self._job.checkpoint_dir, self.history[-1]
        try:
            values = [variable.value.numpy() for variable in self._variables()]
            checkpoint.save(folder, self.history, values)
            epoch_records.write(folder, metrics)
        except OSError as error:
            raise TrainingError(
                f"epoch {metrics.epoch} could not be written to {folder} "
                f"({error.strerror}), expected storage that every slot can write to; "
                "make room there, and run again"
            ) from error

    def _metrics(
        self, training: StepTotals, training_seconds: float, validation: StepTotals, seconds: float
    ) -> EpochMetrics:
        import keras

        config = self._job.config
        return EpochMetrics(
            epoch=len(self.history) + 1,
            total_epochs=config.epochs,
            loss=training.loss,
            accuracy=training.accuracy,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            learning_rate=float(keras.ops.convert_to_numpy(self._optimizer.learning_rate)),
            seconds=seconds,
            images_per_second=config.steps_per_epoch * config.global_batch_size / training_seconds,
            cpu_seconds=training.cpu_seconds,
        )

    def _variables(self) -> list[keras.Variable]:
        """Return everything that a checkpoint holds, in a fixed order."""
        trained = self._trained_model.variables if self._uses_moving_average else []
        return [
            *self._exported_model.variables,
            *trained,
            *self._optimizer.variables,
            *self._best_weights,
        ]

    def _iterate(
        self, build_batches: Callable[[TrainingJob, int, int, int], tf.data.Dataset]
    ) -> Iterator[tuple[tf.Tensor, ...]]:
        """Return an iterator over this worker's batches."""
        context = self._context
        batches = build_batches(self._job, context.workers, context.rank, context.replicas)
        if context.replicas > 1:
            return iter(self._strategy.distribute_datasets_from_function(lambda _: batches))
        # One replica needs no distributed iterator. TensorFlow tunes such an iterator in a thread
        # that sleeps up to a minute at a time, and deleting the iterator waits for that thread.
        return iter(batches)
