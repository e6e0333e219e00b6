"""Several models at once, each trained by one slot by itself."""

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
    """Train this slot's own job, and return the results of all slots.

    It runs as a barrier task under ``use_custom_strategy=True``. The runner returns rank 0's value
    only, so the results are exchanged over the barrier, pickled. That is safe: the messages come
    from the tasks of this one Spark stage, whose code Spark itself ships as pickles.

    Args:
        train: The training function.
        jobs: One for each slot.

    Returns:
        The results, in the order of the jobs.
    """
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    os.environ.pop("TF_CONFIG", None)  # this slot belongs to no TensorFlow cluster
    result = train(jobs[context.partitionId()])
    messages = context.allGather(base64.b64encode(pickle.dumps(result)).decode())
    return tuple(
        pickle.loads(base64.b64decode(message))  # noqa: S301  see above
        for message in messages
    )
