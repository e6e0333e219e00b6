"""What the training function gives back: plain values that pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochMetrics:
    """The figures of one finished epoch, over all slots together.

    Attributes:
        epoch: From 1.
        total_epochs: How many epochs there will be.
        loss: Mean training cross-entropy, nats, of the weights as they were trained.
        accuracy: Training accuracy, 0 to 1, of the same.
        val_loss: Mean validation cross-entropy, nats, of labels that are smoothed as in training;
            with ``average``, of the averaged weights.
        val_accuracy: Validation accuracy, 0 to 1, of the same.
        learning_rate: At the epoch's last step.
        seconds: Wall time of the epoch, validation included.
        images_per_second: Training images a second over the training steps alone.
        cpu_seconds: Processor time of all slots together over the training steps alone.
    """

    epoch: int
    total_epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class WorkerReport:
    """What one rank did, exchanged over the barrier when training ended.

    Attributes:
        rank: From 0.
        host: The address of the executor it ran on.
        shards: Indices into ``TrainingJob.train`` of the shards that it alone read.
        images: Training images that it saw.
        precision: What it computed in.
        weights_sha256: Of its final weights, hexadecimal.
    """

    rank: int
    host: str
    shards: tuple[int, ...]
    images: int
    precision: str
    weights_sha256: str


@dataclass(frozen=True)
class TrainingResult:
    """What training gives back.

    Attributes:
        weights: The model's weights, float32, in Keras' order (``Model.get_weights``).
        history: The epochs, in order.
        worker_reports: One of each rank, in rank order.
        chosen: Number of the epoch whose weights they are; 0 for the last.
    """

    weights: tuple[NDArray[np.float32], ...]
    history: tuple[EpochMetrics, ...]
    worker_reports: tuple[WorkerReport, ...]
    chosen: int = 0

    @property
    def taken(self) -> EpochMetrics:
        """The epoch whose weights they are."""
        return self.history[self.chosen - 1]
