"""Several models at once, each trained by one slot for itself."""

from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Callable, Sequence

from crosscloud_mnist.training.plan import Outcome, Plan


def train_alone(train: Callable[[Plan], Outcome], plans: Sequence[Plan]) -> tuple[Outcome, ...]:
    """Train this slot's own plan; every slot gets to know what all have trained.

    It runs as a barrier task under ``use_custom_strategy=True``. The runner hands back rank 0's
    value only, so the outcomes go over the barrier.

    Args:
        train: The training function.
        plans: One for each slot.

    Returns:
        The outcomes, in the order of the plans.
    """
    from pyspark import BarrierTaskContext

    context = BarrierTaskContext.get()
    os.environ.pop("TF_CONFIG", None)  # this slot is no part of a cluster of TensorFlow's
    outcome = train(plans[context.partitionId()])
    told = context.allGather(base64.b64encode(pickle.dumps(outcome)).decode())
    return tuple(pickle.loads(base64.b64decode(message)) for message in told)  # noqa: S301  our own
