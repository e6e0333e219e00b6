"""Which epoch's weights are exported, and when training stops: by the validation loss.

Both follow from the history alone, which every rank has and every checkpoint holds: no other state
has to survive a restart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from crosscloud_mnist.training.config import TrainingConfig
from crosscloud_mnist.training.result import EpochMetrics


def select_best_epoch(history: Sequence[EpochMetrics]) -> EpochMetrics:
    """Return the epoch with the lowest validation loss; of several, the first.

    Late epochs have equal accuracies on a few thousand images, but different losses. Keras'
    ``ModelCheckpoint`` and ``EarlyStopping`` monitor the same by default.
    """
    return min(history, key=lambda epoch: (math.isnan(epoch.val_loss), epoch.val_loss))


def is_finished(config: TrainingConfig, history: Sequence[EpochMetrics]) -> bool:
    """Whether training stops: after all epochs, or ``patience`` of them without improvement."""
    if len(history) >= config.epochs:
        return True
    if config.patience is None or not history:
        return False
    return len(history) - select_best_epoch(history).epoch >= config.patience
