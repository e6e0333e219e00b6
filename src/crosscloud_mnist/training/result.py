"""The output of the training function: plain values that pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochMetrics:
    """The metrics of one finished epoch, over all slots together.

    Attributes:
        epoch: From 1.
        total_epochs: How many epochs there will be.
        loss: Mean training cross-entropy, nats, of the weights as they were trained.
        accuracy: Training accuracy, 0 to 1, of the same.
        val_loss: Mean validation cross-entropy, nats, of labels that are smoothed as in training;
            with ``ema_momentum``, of the averaged weights.
        val_accuracy: Validation accuracy, 0 to 1, of the same.
        learning_rate: At the epoch's last step.
        seconds: Wall time of the epoch, validation included.
        images_per_second: Training images a second over the training steps only.
        cpu_seconds: Processor time of all slots together over the training steps only.
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
    """What one rank did; the ranks exchange their reports when training ends.

    Attributes:
        rank: From 0.
        host: Name of the machine it ran on.
        shards: Indices into ``TrainingJob.train`` of the shards that it read.
        images: Training images that it saw.
        precision: The Keras dtype policy.
        weights_sha256: Of its final weights, hexadecimal.
    """

    rank: int
    host: str
    shards: tuple[int, ...]
    images: int
    precision: str
    weights_sha256: str


class WorkerReportEntry(TypedDict):
    """A ``WorkerReport`` as JSON."""

    rank: int
    host: str
    shards: list[int]
    images: int
    precision: str
    weights_sha256: str


@dataclass(frozen=True)
class TrainingResult:
    """What training returns.

    Attributes:
        weights: The model's weights, float32, in Keras' order (``Model.get_weights``).
        history: The epochs, in order.
        worker_reports: One of each rank, in rank order.
        selected_epoch: The number of the epoch that the weights are from; 0 for the last.
    """

    weights: tuple[NDArray[np.float32], ...]
    history: tuple[EpochMetrics, ...]
    worker_reports: tuple[WorkerReport, ...]
    selected_epoch: int = 0

    @property
    def selected(self) -> EpochMetrics:
        """The metrics of the epoch that the weights are from."""
        return self.history[self.selected_epoch - 1]
