"""Which epoch's weights are taken, and when to stop: from the validation figures alone.

All is worked out from the history, which every rank has alike and a checkpoint holds: there is no
other state to lose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import EpochMetrics


def select_best_epoch(history: Sequence[EpochMetrics]) -> EpochMetrics:
    """Return the epoch of the lowest validation loss; of several, the first.

    The loss tells late epochs apart that a few thousand images' accuracy does not; it is what
    Keras' ``ModelCheckpoint`` and ``EarlyStopping`` watch unless told otherwise.
    """
    return min(history, key=lambda epoch: (math.isnan(epoch.val_loss), epoch.val_loss))


def is_finished(job: TrainingJob, history: Sequence[EpochMetrics]) -> bool:
    """Whether training ends here: all epochs are done, or ``patience`` of them brought nothing."""
    if len(history) >= job.epochs:
        return True
    if job.patience is None or not history:
        return False
    return len(history) - select_best_epoch(history).epoch >= job.patience
