"""Which worker of a training this process is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class WorkerContext:
    """This process among the workers that train one model.

    Attributes:
        rank: From 0.
        workers: How many there are.
        replicas: Devices of this worker.
    """

    rank: int
    workers: int
    replicas: int


def get_worker_context(strategy: tf.distribute.Strategy) -> WorkerContext:
    """Return this process's place under the strategy."""
    resolver = strategy.cluster_resolver
    workers = len(resolver.cluster_spec().as_dict().get("worker", ())) if resolver else 0
    if workers <= 1:
        return WorkerContext(0, 1, strategy.num_replicas_in_sync)
    return WorkerContext(resolver.task_id, workers, strategy.num_replicas_in_sync // workers)
