"""Several models at once, each trained by one slot for itself."""

from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Callable, Sequence

from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult


def train_independently(
    train: Callable[[TrainingJob], TrainingResult], jobs: Sequence[TrainingJob]
) -> tuple[TrainingResult, ...]:
    """Train this slot's own job; every slot gets to know what all have trained.

    It runs as a barrier task under ``use_custom_strategy=True``. The runner hands back rank 0's
    value only, so the results go over the barrier.

    Args:
        train: The training function.
        jobs: One for each slot.

    Returns:
        The results, in the order of the jobs.
    """
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    os.environ.pop("TF_CONFIG", None)  # this slot is no part of a cluster of TensorFlow's
    result = train(jobs[context.partitionId()])
    told = context.allGather(base64.b64encode(pickle.dumps(result)).decode())
    return tuple(pickle.loads(base64.b64decode(message)) for message in told)  # noqa: S301  our own
